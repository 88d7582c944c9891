"""One reader's work on what there is to annotate: what the page asks for, and what it does.

    place = Workplace(find_sources(folder, ()), store, reader="anna")
    place.act("ct_12", "mark", {"slice": 0, "recist": [...], "window": [-160, 240]}, after=0)
    place.label("ct_12").quality

Nothing is stored that no soft mask can be made of: an action that leads to none is refused.
"""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any

from casgan_jax.annotate.actions import checked
from casgan_jax.annotate.kept import Kept, Maker
from casgan_jax.annotate.lesions import annotation_of, lesion_of, slice_of
from casgan_jax.annotate.network import Network
from casgan_jax.annotate.pictures import Item
from casgan_jax.annotate.slices import Slices
from casgan_jax.annotate.sources import Sources
from casgan_jax.annotate.state import State, fold, proposal_body
from casgan_jax.annotate.store import ConflictError, Event, Store
from casgan_jax.annotate.volumes import ShownVolume, make_volume, on_slice, volume_lesion_of
from casgan_jax.annotations import Annotation
from casgan_jax.errors import UserError
from casgan_jax.grid import normalise
from casgan_jax.labelling.label import LabelOptions, LesionLabel, label_read_lesion
from casgan_jax.labelling.lesion import Lesion
from casgan_jax.labelling.volumes.labelled import VolumeOptions
from casgan_jax.labelling.volumes.lesion import VolumeLesion
from casgan_jax.soft_mask.click import axes_from_click
from casgan_jax.soft_mask.proposal import Proposal

_MOST_LABELS = 64  # that are kept
_MOST_VOLUMES = 16  # the same
_MOST_LESIONS = 200  # that a reader may add to an image
# Actions that the soft mask or the volume depends on.
_MAKING = ("mark", "stroke", "clear", "given", "propose", "volume", "absent")


class Workplace:
    """The lesions, their states and soft masks; safe to use from several threads."""

    def __init__(
        self,
        sources: Sources,
        store: Store,
        *,
        reader: str,
        options: LabelOptions | None = None,
        network: Network | None = None,
        first: str = "auto",
        slices: Slices | None = None,
    ) -> None:
        """
        Args:
          sources: what there is to annotate.
          store: what was done before, and where to keep what is done.
          reader: whose work it is.
          options: of soft masks.
          network: that proposes others; None: there is none.
          first: whose soft mask of new axes is shown first: "network", "matting" or "auto", the
            network's on CT where it is sure.
          slices: of the images, where another place keeps them, too.
        """
        self.reader, self.slices = reader, slices or Slices()
        self.options, self.network = options or LabelOptions(), network
        self._first = first
        self._sources = sources
        self.pictures, self.items = sources.pictures, dict(sources.items)
        self.failures = list(sources.failures)
        self._store = store
        events = store.events(reader)
        # Of each lesion its state alone is kept: a day's strokes and masks are in the store.
        self._states = {key: fold(of_lesion) for key, of_lesion in events.items()}
        self._decided: dict[str, str] = {}  # day of the last decision on each lesion, UTC
        for event in chain.from_iterable(events.values()):
            self._note(event)
        self._maker = Maker()
        self._labels: Kept[LesionLabel] = Kept(self._maker, _MOST_LABELS)
        self._proposals: Kept[Proposal] = Kept(self._maker, _MOST_LABELS)
        self._volumes: Kept[ShownVolume] = Kept(self._maker, _MOST_VOLUMES)
        self._qualities: dict[str, float] = {}
        self._changing = threading.Lock()
        self._bind({key: of_lesion[0] for key, of_lesion in events.items()})

    def listing(self) -> list[dict[str, Any]]:
        """Key, picture, state, quality (or None) and comment of every lesion."""
        return [
            {
                "key": key,
                "picture": item.picture.name,
                "state": (state := self.state(key)).name,
                "quality": self._qualities.get(key),
                "comment": state.comment,
                "marked": state.mark is not None or item.given is not None,
            }
            for key, item in list(self.items.items())
        ]

    def decided_today(self) -> int:
        """Number of lesions whose last decision was made today (UTC)."""
        today = datetime.now(UTC).date().isoformat()
        decided = (key for key, day in list(self._decided.items()) if day == today)
        return sum(bool(self.state(key).decision) for key in decided)

    def is_finished(self) -> bool:
        """Whether every lesion of the reader has a decision."""
        return all(self.state(key).decision for key in list(self.items))

    def readers(self) -> list[Workplace]:
        """Places of all readers, this one's own among them."""
        names = self._store.readers()
        return [self if name == self.reader else self._of(name) for name in names]

    def _of(self, reader: str) -> Workplace:
        return Workplace(
            self._sources, self._store, reader=reader, options=self.options, slices=self.slices
        )

    def item(self, key: str) -> Item:
        """A lesion.

        Raises:
          KeyError: there is none of that name.
        """
        return self.items[key]

    def state(self, key: str) -> State:
        """How its reader left a lesion."""
        return self._states.get(key, State())

    def slice(self, key: str) -> int:
        """The slice that a lesion is on.

        Raises:
          UserError: its image cannot be read.
        """
        return slice_of(self.item(key), self.state(key), self.slices)

    def annotation(self, key: str) -> Annotation | None:
        """The marks of a lesion as they are now; None: there are none.

        Raises:
          UserError: its image cannot be read.
        """
        return annotation_of(self.item(key), self.state(key), self.slices)

    def label(self, key: str) -> LesionLabel | None:
        """The soft mask of a lesion as it is now; None: it has no mark.

        Raises:
          UserError: it cannot be made.
        """
        return self._label(self.item(key), self.state(key))

    def volume(self, key: str) -> ShownVolume | None:
        """The soft volume of a lesion as it is now; None: its reader made none.

        Raises:
          UserError: it cannot be made.
        """
        return self._volume(self.item(key), self.state(key))

    def volume_lesion(self, key: str) -> VolumeLesion:
        """A lesion with the marks of all its slices, as `label_volume_lesions` takes it.

        Raises:
          UserError: it has no mark, or its image cannot be read or is no volume.
        """
        return volume_lesion_of(self.item(key), self.state(key), self.slices)

    def lesion(self, key: str) -> Lesion:
        """A lesion's image and marks.

        Raises:
          UserError: it has no mark, or its image cannot be read.
        """
        return self._lesion(self.item(key), self.state(key))

    def _lesion(self, item: Item, state: State) -> Lesion:
        """The same of another state.

        Raises:
          UserError: it has no mark, or its image cannot be read.
        """
        annotation = annotation_of(item, state, self.slices)
        if annotation is None:
            raise UserError("mark", found="none", expected="one", remedy="draw it")
        return lesion_of(item, annotation, state, self.slices)

    def proposed(self, key: str, by: str) -> LesionLabel:
        """The soft mask of a lesion as it would be by one of `PROPOSALS`, strokes upon it.

        Raises:
          UserError: there is no network, the lesion has no mark, or it cannot be made.
        """
        state = self.state(key)
        proposal = self._propose(self.item(key), state) if by == "network" else None
        state = dataclasses.replace(state, proposal=proposal)
        label = self._label(self.item(key), state)
        if label is None:
            raise UserError("mark", found="none", expected="one", remedy="draw it")
        return label

    def act(self, key: str, kind: str, body: Mapping[str, Any], *, after: int) -> State:
        """Does and stores one action.

        Args:
          key: of the lesion.
          kind, body: see `casgan_jax.annotate.state`.
          after: `State.last` that the action was done on.

        Raises:
          KeyError: there is no such lesion.
          ConflictError: the lesion was changed since.
          UserError: the action cannot be done, or not be stored.
        """
        item, state = self.item(key), self.state(key)
        if after != state.last:
            raise ConflictError(
                key,
                found="a change from another window",
                expected="none since it was shown here",
                remedy="look at it as it is now, and do it again",
            )
        body = on_slice(item, state, kind, checked(state, kind, body), self.slices)
        if kind == "propose" and body["by"] == "network":
            body = proposal_body(self._propose(item, state))
        if kind == "mark" and "recist" in body and "beside" not in body:
            proposal = self._first_proposal(item, self._after(key, kind, body, after))
            body |= {"proposal": proposal_body(proposal)} if proposal else {}
        if kind in _MAKING:
            tried = self._after(key, kind, body, after)
            if self._label(item, tried) is None:
                raise UserError(kind, found="no mark", expected="one", remedy="draw one")
            self._volume(item, tried)
        if kind == "decide" and body["decision"] == "accepted":
            if self.label(key) is None:
                raise UserError("decision", found="no soft mask", expected="one to accept")
            self.volume(key)
        return self._store_event(item, kind, body, after)

    def _after(self, key: str, kind: str, body: dict[str, Any], after: int) -> State:
        """What a lesion would be like after an action."""
        tried = Event(after + 1, "", self.reader, key, kind, json.dumps(body))
        return fold([*self._store.of(self.reader, key), tried])

    def add(self, picture: str) -> str:
        """Adds a lesion to an image; returns its key.

        Raises:
          KeyError: there is no such image.
          UserError: it has too many already, or it cannot be stored.
        """
        image = self.pictures[picture]
        with self._changing:
            keys = [key for key, item in self.items.items() if item.picture is image]
            if len(keys) >= _MOST_LESIONS:
                raise UserError("lesions", found=f"{len(keys)}", expected="fewer on one image")
            number = 2
            while (key := f"{keys[0]}_{number}") in self.items:
                number += 1
            self.items[key] = Item(key, image)
        try:
            self._append(key, "add", _source(image.name), after=0)
        except UserError:
            del self.items[key]
            raise
        return key

    def axes_at(
        self, key: str, index: int, point: tuple[float, float], window: tuple[float, float]
    ) -> list[float]:
        """The axes of what a point on a slice of a lesion's image lies in.

        Raises:
          KeyError: there is no such lesion.
          UserError: nothing has a border there, or the slice cannot be read.
        """
        scan = self.slices.read(self.item(key).picture, index)
        axes = axes_from_click(normalise(scan.values, window), point)
        return [round(float(one), 3) for one in axes]

    def unexamined(self) -> list[str]:
        """Keys of lesions with marks whose quality is not known yet."""
        return [
            key
            for key, item in list(self.items.items())
            if key not in self._qualities and (item.given or self.state(key).mark)
        ]

    def examine(self, key: str) -> None:
        """Finds the quality of a lesion; 0 where no soft mask can be made."""
        try:
            self.label(key)
        except UserError:
            self._qualities[key] = 0.0

    def settle(self) -> None:
        """Waits for the soft mask that is being made: a process must not end within it."""
        self._maker.settle()

    def _first_proposal(self, item: Item, state: State) -> Proposal | None:
        """What the network proposes of new axes where its soft mask is to come first."""
        if (network := self.network) is None or self._first == "matting":
            return None
        lesion = self._lesion(item, state)
        if self._first == "auto" and lesion.unit != "HU":
            return None
        assert lesion.recist is not None, "its marks are axes"
        try:
            proposal = self._propose(item, state)
        except UserError:  # of an image that it was not trained for, or it finds nothing
            return None
        sure = self._first == "network" or network.is_sure(proposal, lesion.recist)
        return proposal if sure else None

    def _propose(self, item: Item, state: State) -> Proposal:
        if self.network is None:
            raise UserError(
                "network", found="none", expected="one", remedy="name its folder by `workdir`"
            )
        name = (item.key, state.mark, self.network.loaded)
        lesion, network = self._lesion(item, state), self.network
        return self._proposals.find(name, lambda: network.propose(lesion))

    def _label(self, item: Item, state: State) -> LesionLabel | None:
        annotation = annotation_of(item, state, self.slices)
        if annotation is None:
            return None
        name = (item.key, state.mark, state.strokes, state.proposal)
        label = self._labels.find(
            name,
            lambda: label_read_lesion(
                lesion_of(item, annotation, state, self.slices), self.options
            ),
        )
        self._qualities[item.key] = label.quality
        return label

    def _volume(self, item: Item, state: State) -> ShownVolume | None:
        if not state.volume:
            return None
        name = (item.key, state.mark, state.strokes, state.proposal, state.beside)
        options = VolumeOptions(window=self.options.window, threshold=self.options.threshold)
        return self._volumes.find(name, lambda: make_volume(item, state, self.slices, options))

    def _store_event(self, item: Item, kind: str, body: dict[str, Any], after: int) -> State:
        with self._changing:
            if after == 0:
                after = self._append(item.key, "add", _source(item.picture.name), after=0).last
            return self._append(item.key, kind, body, after=after)

    def _append(self, key: str, kind: str, body: dict[str, Any], *, after: int) -> State:
        before = self._store.of(self.reader, key)
        event = self._store.append(self.reader, key, kind, body, after=after)
        self._note(event)
        state = self._states[key] = fold([*before, event])
        return state

    def _note(self, event: Event) -> None:
        if event.kind == "decide":
            self._decided[event.lesion] = event.time[:10]

    def _bind(self, added: Mapping[str, Event]) -> None:
        """Joins what was done before, from each first event on, with the images of now."""
        for key, event in added.items():
            name = event.body.get("image", "")
            item = self.items.get(key)
            if item is None and name in self.pictures:
                self.items[key] = Item(key, self.pictures[name])
            elif item is None:
                self.failures.append(f"{key}: found no {name} any more, expected its image")
            elif item.picture.name != name:
                del self.items[key]
                self.failures.append(
                    f"{key}: found that it is {item.picture.name}, expected {name} as before; "
                    "give each its name of before, or annotate into another folder"
                )


def _source(image: str) -> dict[str, str]:
    return {"image": image}
