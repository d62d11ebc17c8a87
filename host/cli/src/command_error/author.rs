//! What authors of plugins are told, and what they can do about it.

use skiff_author::BuildFault;
use skiff_author::Error;
use skiff_author::Instead;
use skiff_author::trust_line;

use super::CommandError;
use super::Kind;

impl From<Error> for CommandError {
    fn from(error: Error) -> Self {
        let plain = Self::of(Kind::User, &error);
        match error {
            Error::Project(error) => (*error).into(),
            Error::Cancelled => Self { kind: Kind::Cancelled, ..plain },
            Error::NoPackage(_) => plain
                .hint("`skiff list` shows all; SKIFF_EXTRA_CONFIGS_PATH names further directories with packages"),
            Error::NoPlugin { instead, .. } => plain.hint(match instead {
                Instead::Shipped => {
                    "metadata/plugins.yaml of the layer declares plugins; `skiff plugin new` makes one".to_owned()
                }
                Instead::Used { layer, plugin } => format!("`{layer}` uses {plugin}"),
                Instead::Working => {
                    "metadata/plugins.yaml of the layer declares plugins, and those that it uses".to_owned()
                }
            }),
            Error::Name(_) => Self { kind: Kind::Usage, ..plain }
                .hint("lower-case letters, digits and `-`, which every language takes: --name hello"),
            Error::NoPlace(_) => Self { kind: Kind::Usage, ..plain }
                .hint("name a directory for layers: --layers ~/layers, or SKIFF_EXTRA_CONFIGS_PATH"),
            Error::Exists(_) => plain.hint("choose another name: --name"),
            Error::Manifest { entry, .. } => {
                plain.hint(format!("write `plugins:` as a list of its own, such as:\nplugins:\n{entry}"))
            }
            Error::Make { .. } => plain.hint("check that the directory can be written to"),
            Error::NoSources { .. } => plain.hint(
                "sources are a directory with Cargo.toml, plugin.py, plugin.js or C files; `skiff plugin new` makes one",
            ),
            Error::Untrusted { plugin, .. } => Self { kind: Kind::Refused, ..plain }
                .hint("to build or test them is to run what they say, with all of your rights; read them first")
                .hint(format!("if you want that, run: {}", trust_line(&plugin))),
            Error::Build { fault, .. } => match fault {
                BuildFault::Io(_) | BuildFault::Program { .. } => plain,
                BuildFault::NoCompiler(_) => {
                    plain.hint("install what the line above names, then run the same command again")
                }
                BuildFault::Failed { .. } => plain.hint("what is wrong in the sources stands above"),
            },
            Error::Cargo(_) => plain.hint("is Rust installed?"),
            Error::Case(_) | Error::CaseHolds { .. } => {
                plain.hint("sdk/README.md describes cases; `skiff plugin test --record` writes them")
            }
            Error::CaseName(_) => Self { kind: Kind::Usage, ..plain }
                .hint("a case is a directory in `tests` beside the sources; name it by one word"),
            Error::HasCall(_) => Self { kind: Kind::Usage, ..plain }
                .hint("leave out what stands behind `--`, or remove the directory first"),
            Error::NoCall => Self { kind: Kind::Usage, ..plain }
                .hint("--record CASE -- COMMAND ARGUMENTS, or --record CASE -- pre"),
            Error::NoCommand(_) => plain.hint("mend the case, or the manifest"),
            Error::Symbols { .. } => plain.hint("`symbols` has buildroot, kernel, uboot and busybox"),
            Error::Symbol { .. } => plain.hint("a symbol is written with its prefix: BR2_…, CONFIG_…"),
            Error::CaseLink(_) => plain.hint("put the directory itself there"),
            Error::Unusable { .. } => plain.hint("check that it can be read, and that there is room"),
            Error::Unwritable { .. } => {
                plain.hint("check that there is room, and that the directory can be written to")
            }
        }
    }
}
