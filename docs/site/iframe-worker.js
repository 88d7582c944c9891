// Browsers start no worker for a page from the disk, and the search of the site is one. There its
// script runs in a hidden frame instead. Material knows the file by its name (plugin `offline`).
(() => {
  if (location.protocol !== "file:") return;

  const inFrame = () => {
    window.postMessage = (data) => parent.dispatchEvent(
      new MessageEvent("of-frame", { data: { data, frame: window.name } }),
    );
    window.importScripts = async (...urls) => {
      for (const url of urls) {
        await new Promise((loaded) => {
          const script = document.createElement("script");
          script.src = url;
          script.onload = loaded;
          document.body.appendChild(script);
        });
      }
    };
  };

  let frames = 0;

  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      this.frame = document.createElement("iframe");
      this.frame.hidden = true;
      this.frame.name = `worker-${frames++}`;
      document.body.appendChild(this.frame);
      this.answer = ({ data }) => {
        if (data.frame === this.frame.name) this.tell(data.data);
      };
      window.addEventListener("of-frame", this.answer);
      const page = this.frame.contentWindow;
      page.document.open(); // takes listeners away
      this.ready = new Promise((loaded) => page.addEventListener("load", loaded));
      page.document.write(
        `<body><script>(${inFrame})()</script><script src="${url}"></script></body>`,
      );
      page.document.close();
    }

    tell(data) {
      const event = new MessageEvent("message", { data });
      this.dispatchEvent(event);
      this.onmessage?.(event);
    }

    async postMessage(data) {
      await this.ready;
      this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
    }

    terminate() {
      window.removeEventListener("of-frame", this.answer);
      this.frame.remove();
    }
  };
})();
