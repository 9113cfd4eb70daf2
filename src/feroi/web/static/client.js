/* The page's side of the worker. */

/** A reader: `read(file)` and `follow(bitmap)` promise what was found; `ready` promises the facts.

    onLoaded: called with the share of the files loaded, 0..1. */
export function connect(onLoaded) {
  const waiting = new Map();
  let worker = null;
  let settle = null;
  let next = 0;
  const ready = new Promise((resolve, reject) => (settle = { resolve, reject }));
  const told = { heard: false };

  const stop = (message) => {
    settle.reject(new Error(message));
    for (const { reject } of waiting.values()) reject(new Error(message));
    waiting.clear();
  };
  const hear = ({ data }) => {
    told.heard = true;
    if ("loaded" in data) onLoaded(data.loaded);
    if ("ready" in data) settle.resolve(data.ready);
    if ("broken" in data) stop(data.broken);
    if ("id" in data) {
      const { resolve, reject } = waiting.get(data.id);
      waiting.delete(data.id);
      if ("found" in data) resolve(data.found);
      else reject(new Error(data.failed));
    }
  };
  const start = (address) => {
    worker = new Worker(address, { type: "module" });
    worker.onmessage = hear;
    return worker;
  };
  const script = new URL("worker.js", import.meta.url).href;
  const failed = () => stop("the reader could not be started in this browser");
  // A worker made of a blob stands under the policy of this page; one of a file would need the server's.
  const inherited = new Blob([`import ${JSON.stringify(script)};`], { type: "text/javascript" });
  start(URL.createObjectURL(inherited)).onerror = () => {
    if (told.heard) failed();
    else start(script).onerror = failed; // browsers that cannot import from there
  };

  const ask = async (message, transfer = []) => {
    await ready;
    const id = next++;
    const answer = new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    worker.postMessage({ id, ...message }, transfer);
    return answer;
  };
  return { ready, read: (file) => ask({ file }), follow: (frame) => ask({ frame }, [frame]) };
}
