from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import report
from wit_world.imports.fault import Code, Failure


class Hooks(exports.Hooks):
    def run(self, stage):
        path = "/target/etc/hello"
        try:
            with open(path, "w") as file:
                file.write("Ahoy.\n")
        except OSError as error:
            raise Err(Failure(Code.IO, str(error), None, path))
        report.log(report.Level.INFO, "said hello")
