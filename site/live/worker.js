// Python in a worker: loads Pyodide and convpad from the page's own server, then answers calls of bridge.py.

import { loadPyodide } from "../pyodide/pyodide.mjs";

const say = (step) => postMessage({ step });

const ready = (async () => {
  say("loading Python");
  const python = await loadPyodide({ indexURL: new URL("../pyodide/", import.meta.url).href });
  say("loading convpad");
  const [library, bridge] = await Promise.all(
    ["convpad.zip", "bridge.py"].map(async (name) => {
      const response = await fetch(new URL(name, import.meta.url));
      if (!response.ok) throw new Error(`${name}: ${response.status} ${response.statusText}`);
      return response.arrayBuffer();
    }),
  );
  python.unpackArchive(library, "zip", { extractDir: "/library" });
  python.FS.mkdir("/dropped");
  python.runPython("import sys; sys.path.insert(0, '/library')");
  python.runPython(new TextDecoder().decode(bridge));
  say("");
  return python;
})();

ready.catch((error) => postMessage({ failed: String(error) }));

onmessage = async ({ data: { id, name, argument, files } }) => {
  let reply;
  try {
    const python = await ready;
    for (const [file, bytes] of files ?? []) python.FS.writeFile(`/dropped/${file}`, new Uint8Array(bytes));
    reply = JSON.parse(python.globals.get("answer")(name, JSON.stringify(argument)));
    for (const [file] of files ?? []) python.FS.unlink(`/dropped/${file}`);
  } catch (error) {
    reply = { error: `This failed within convpad: ${String(error).trim().split("\n").pop()}`, field: "" };
  }
  postMessage({ id, ...reply });
};
