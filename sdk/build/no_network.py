"""Gives the stub of wasi:sockets (text form, from stdin) functions that answer instead of trapping."""

import re
import sys

text = sys.stdin.read()
export = lambda name: re.search(rf'\(export "cm32p2[^"]*{name}" \(func (\d+)\)\)', text)[1]
resource_new = re.search(r'"network_new" \(func \(;(\d+);\)', text)[1]
bodies = {
    export(r"\|instance-network"): f"i32.const 0\n    call {resource_new}",
    export(r"\|create-tcp-socket"): "i32.const 16",
    export(r"\|create-udp-socket"): "i32.const 16",
    export(r"\|resolve-addresses"): "i32.const 24",
    export("_realloc"): "i32.const 1024",
}
for function, body in bodies.items():
    text = re.sub(rf"(\(func \(;{function};\)[^\n]*\n) *unreachable", rf"\1    {body}", text)
# err(not-supported) at 16, err(name-unresolvable) at 24.
data = r'(data (i32.const 16) "\01\00\00\00\02\00\00\00\01\00\00\00\12\00\00\00")'
print(re.sub(r"\(memory \(;0;\) 0\)", lambda _: f"(memory (;0;) 1)\n  {data}", text))
