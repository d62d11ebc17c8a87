import report from "skiff:host/report@1.0.0";
import preopens from "wasi:filesystem/preopens@0.2.0";

// There is no `console`, no `TextEncoder` and no file system but that of WASI.
const utf8 = (text) => Uint8Array.from(unescape(encodeURIComponent(text)), (c) => c.charCodeAt(0));

function writeFile(path, text) {
  const [folder, prefix] = preopens
    .getDirectories()
    .filter(([, prefix]) => path.startsWith(prefix + "/"))
    .sort(([, a], [, b]) => b.length - a.length)[0] ?? [];
  if (!folder) throw "no-entry";
  const file = folder.openAt({}, path.slice(prefix.length + 1), { create: true, truncate: true }, { write: true });
  const bytes = utf8(text);
  for (let at = 0; at < bytes.length; ) at += file.write(bytes.subarray(at, at + 65536), at);
}

export const hooks = {
  run(stage) {
    const path = "/target/etc/hello";
    try {
      writeFile(path, "Ahoy.\n");
    } catch (error) {
      throw { code: "io", message: String(error), subject: path };
    }
    report.log("info", "said hello");
  },
};
