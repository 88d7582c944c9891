# make setup      set up alone: an environment with the packages and their pinned versions, in .venv
# make train      set up, build the embedded phantoms, train and measure the quick cascade
# make annotate   set up, write phantoms with marks, and open the browser to annotate them
# make test       set up and run the whole test suite
# make docs       set up and build the documentation as a site, build/site/index.html
# make lint       ruff check and format, mypy
# What is installed is told in a line before it; pip itself says only what is wrong.
# Commands that are typed by hand need the environment: source .venv/bin/activate
# Set PYTHON for another interpreter (3.11 or newer), VENV for another environment.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PHANTOM := data/phantom/quick/1.1.0/dataset_info.json

.PHONY: setup train annotate test docs lint clean

setup: $(VENV)/.installed

train: $(VENV)/.installed $(PHANTOM)
	$(BIN)/python -m launch.train --config=softgan:quick

annotate: $(VENV)/.installed-annotate data/example/lesions.csv
	$(BIN)/python -m launch.annotate --input=data/example --output=data/annotated

test: $(VENV)/.installed-test $(VENV)/.installed-radiomics
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

docs: $(VENV)/.installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

lint: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

$(PHANTOM): | $(VENV)/.installed
	$(BIN)/python -m launch.build --dataset=phantom/quick --data_dir=data

data/example/lesions.csv: | $(VENV)/.installed
	$(BIN)/python -m datasets.phantom.example --output=data/example

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "error: found Python %d.%d, expected 3.11 or newer; run make PYTHON=python3.11" % sys.version_info[:2])'
	@echo 'setup: making $(VENV) and installing casgan_jax and what it needs, one to three minutes'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-annotate: $(VENV)/.installed
	@echo 'annotate: installing what the browser needs, about a minute'
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[annotate]'
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	@echo 'docs: installing what builds the site, about a minute'
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[docs]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	@echo 'test: installing what tests and checks need, one to five minutes'
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

# pyradiomics is compiled, against the NumPy that is installed and by setuptools before 81. Where
# that fails, for want of a C compiler or of Python's headers, the tests that need it are skipped.
$(VENV)/.installed-radiomics: $(VENV)/.installed-test
	@echo 'test: compiling pyradiomics for the tests of radiomics, one to two minutes'
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt 'setuptools<81' wheel
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --no-build-isolation 'pyradiomics==3.0.1; python_version < "3.12"' \
		&& touch $@ \
		|| echo 'pyradiomics did not build (it needs a C compiler and Python headers): its tests are skipped'

clean:
	rm -rf $(VENV) build dist *.egg-info
