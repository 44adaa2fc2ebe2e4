// Sending files in parts, a few at once; what breaks on the way is sent again, and what has no room yet waits.

const PART = 4 * 1024 * 1024; // bytes
const AT_ONCE = 3;
const TRIES = 6; // in a row, for a part that does not get through

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// One request; resolves to { status, text }, with status 0 where nothing answered.
function put(url, body, onProgress, signal) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const abort = () => request.abort();
    request.open("PUT", url);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onloadend = () => {
      signal.removeEventListener("abort", abort);
      resolve({ status: request.status, text: request.responseText });
    };
    signal.addEventListener("abort", abort);
    request.send(body);
  });
}

// A pick on its way: `entries` are { file, path }, `onChange` is told whenever something moved.
class Sending {
  constructor({ place, ticket, entries, number, options, onChange }) {
    Object.assign(this, { place, ticket, entries, number, options, onChange });
    this.stopper = new AbortController();
    this.done = entries.map(() => false);
    this.problems = []; // { name, why }
    this.bytes = entries.map(({ file }) => file.size);
    this.sent = entries.map(() => 0);
    this.next = 0;
    this.paused = false; // a batch that was stopped takes nothing
  }

  get progress() {
    const all = this.bytes.reduce((sum, size) => sum + size, 0);
    return all ? this.sent.reduce((sum, size) => sum + size, 0) / all : 1;
  }

  get count() {
    return this.done.filter(Boolean).length;
  }

  stop() {
    this.stopper.abort();
  }

  get stopped() {
    return this.stopper.signal.aborted;
  }

  // Resolves when everything has come, or cannot.
  async run() {
    const workers = Array.from({ length: Math.min(AT_ONCE, this.entries.length) }, async () => {
      while (this.next < this.entries.length && !this.stopped) await this.one(this.next++);
    });
    await Promise.all(workers);
  }

  async one(index) {
    const { file, path } = this.entries[index];
    const shrunk = this.options.shrink ? await asSent(file, this.options) : { blob: file, width: 0, height: 0 };
    const { blob } = shrunk;
    this.bytes[index] = blob.size;
    const why = blob.size > this.options.mostBytes ? "large" : await this.parts(index, path, shrunk);
    if (why && !this.stopped) {
      this.problems.push({ name: path, why });
      if (why !== "session") await put(this.url(index, path, { unreadable: 1 }), null, () => {}, this.stopper.signal);
    }
    this.sent[index] = this.bytes[index];
    this.done[index] = true;
    this.onChange();
  }

  url(index, name, more) {
    const query = new URLSearchParams({ of: this.entries.length, name, ...more });
    return new URL(`inbox/${this.ticket}/${this.place}/${this.number}/${index}?${query}`, document.baseURI);
  }

  // Sends one file; returns why it did not get there, or "".
  async parts(index, name, { blob, width, height }) {
    let offset = 0;
    let failed = 0;
    while (!this.stopped) {
      if (this.paused) {
        await pause(300);
        continue;
      }
      const part = blob.slice(offset, offset + PART);
      const url = this.url(index, name, { size: blob.size, offset, width, height });
      const readable = await part.slice(0, 1).arrayBuffer().then(() => true, () => false);
      if (!readable) return "unreadable"; // it was moved or removed meanwhile
      const progressed = (loaded) => {
        this.sent[index] = offset + Math.min(loaded, part.size);
        this.onChange();
      };
      const { status, text } = await put(url, part, progressed, this.stopper.signal);
      if (this.stopped) return "";
      if (status === 204) {
        offset += part.size;
        failed = 0;
        if (offset >= blob.size) return "";
      } else if (status === 409) offset = Number(text) || 0;
      else if (status === 413) return "large";
      else if (status === 507) return "full";
      else if (status === 410) return "session";
      else if (status === 404 && ++failed >= 3) return "session"; // or another instance answered, which has no such page
      else if (status === 503 && this.options.patient) await pause(1000); // others are taken first
      else if (++failed >= TRIES) return status === 503 ? "room" : "line";
      else await pause(500 * 2 ** failed);
    }
    return "";
  }
}
