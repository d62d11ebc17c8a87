import report from "skiff:host/report@1.0.0";
import stdout from "wasi:cli/stdout@0.2.0";

// There is no `console` and no `TextEncoder`.
const utf8 = (text) => Uint8Array.from(unescape(encodeURIComponent(text)), (c) => c.charCodeAt(0));

function print(text) {
  const stream = stdout.getStdout();
  const bytes = utf8(text + "\n");
  for (let at = 0; at < bytes.length; at += 4096) stream.blockingWriteAndFlush(bytes.subarray(at, at + 4096));
}

export const commands = {
  invoke(command, args) {
    if (command !== "{{command}}") {
      throw { code: "invalid", message: `there is no command ${command}` };
    }
    const given = args.find((argument) => argument.name === "name");
    const name = given?.value.tag === "text" ? given.value.val : "sailor";
    print(`Ahoy, ${name}!`);
    report.log("info", "greeted somebody");
    return 0;
  },
};
