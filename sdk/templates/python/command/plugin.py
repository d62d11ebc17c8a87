from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.commands import Value_Text
from wit_world.imports import report
from wit_world.imports.fault import Code, Failure


class Commands(exports.Commands):
    def invoke(self, command, arguments):
        if command != "{{command}}":
            raise Err(Failure(Code.INVALID, f"there is no command {command}", None, None))
        given = {argument.name: argument.value for argument in arguments}
        match given.get("name"):
            case Value_Text(name):
                pass
            case _:
                name = "sailor"
        print(f"Ahoy, {name}!")
        report.log(report.Level.INFO, "greeted somebody")
        return 0
