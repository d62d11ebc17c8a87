//! The engines that there are. A new one is listed in this file, and described by a [`EngineKind`] of its own.

use crate::BuildrootError;
use crate::EngineKind;
use crate::PrebuiltError;
use crate::buildroot;
use crate::prebuilt;

/// All engines, in the order in which help and errors list them.
pub static ENGINES: [&EngineKind; 2] = [&prebuilt::KIND, &buildroot::KIND];

/// The name of an engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineName {
    /// Packages of a distribution.
    #[default]
    Prebuilt,
    /// Buildroot.
    Buildroot,
}

impl EngineName {
    /// Returns the description of the engine.
    pub fn kind(self) -> &'static EngineKind {
        match self {
            Self::Prebuilt => &prebuilt::KIND,
            Self::Buildroot => &buildroot::KIND,
        }
    }

    /// Returns the name as users write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Prebuilt => "prebuilt",
            Self::Buildroot => "buildroot",
        }
    }

    /// Reads a name, or returns `None`.
    pub fn parse(text: &str) -> Option<Self> {
        ENGINES.iter().map(|kind| kind.name).find(|engine| engine.as_str() == text)
    }

    /// Lists the names of all engines for a sentence; `joint` stands before the last one.
    pub fn list(joint: &str) -> String {
        let names = ENGINES.iter().map(|kind| format!("`{}`", kind.name));
        let names: Vec<String> = names.collect();
        match names.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} {joint} {last}", others.join(", ")),
            None => String::new(),
        }
    }
}

impl std::fmt::Display for EngineName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An engine could not do its work.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The engine `prebuilt` says so.
    #[error(transparent)]
    Prebuilt(#[from] PrebuiltError),
    /// The engine `buildroot` says so.
    #[error(transparent)]
    Buildroot(#[from] BuildrootError),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    use skiff_trust::Trust;

    use super::*;
    use crate::Engine;
    use crate::LockPolicy;

    /// Makes all engines, without anything around them.
    fn made() -> [Box<dyn Engine>; ENGINES.len()] {
        let (cache, policy) = (PathBuf::from("/nowhere"), LockPolicy::default());
        let prebuilt = prebuilt::Prebuilt {
            cache: cache.clone(),
            trust: Trust::of(0, None),
            os_release: PathBuf::from("/nowhere"),
            source_date_epoch: None,
            update: false,
            policy,
        };
        let buildroot = buildroot::Buildroot {
            source: buildroot::Source::Folder(PathBuf::from("/nowhere")),
            cache,
            program: PathBuf::from("/nowhere"),
            environment: BTreeMap::new(),
            fixed_path: false,
            target: None,
            policy,
            refused: Vec::new(),
        };
        [Box::new(prebuilt), Box::new(buildroot)]
    }

    #[test]
    fn engines_are_what_their_descriptions_say() {
        for (engine, kind) in made().iter().zip(ENGINES) {
            assert_eq!(engine.name(), kind.name);
            assert_eq!(engine.build_system().is_some(), kind.has_build_system, "{}", kind.name);
        }
    }

    #[test]
    fn without_a_build_every_engine_finds_no_sizes() {
        let root = tempfile::tempdir().unwrap();
        let workspace = skiff_plan::Workspace::new(root.path().to_owned(), "w").unwrap();
        for kind in ENGINES {
            assert_eq!((kind.sizes)(&workspace).unwrap().parts, [], "{}", kind.name);
        }
        assert_eq!(crate::read_sizes(&workspace, None).unwrap(), crate::Sizes::default());
    }

    #[test]
    fn every_engine_is_read_shown_and_stored_by_one_name() {
        let names: Vec<&str> = ENGINES.iter().map(|kind| kind.name.as_str()).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), ENGINES.len());
        for kind in ENGINES {
            let name = kind.name;
            assert!(std::ptr::eq(name.kind(), kind), "{name}");
            assert_eq!(EngineName::parse(name.as_str()), Some(name));
            assert_eq!(serde_json::to_string(&name).unwrap(), format!("\"{name}\""));
            assert_eq!(serde_json::from_str::<EngineName>(&format!("\"{name}\"")).unwrap(), name);
        }
        // serde knows all variants, and lists them.
        let refused = serde_json::from_str::<EngineName>("\"?\"").unwrap_err().to_string();
        assert_eq!(refused.matches('`').count(), 2 * (ENGINES.len() + 1), "{refused}");
        assert_eq!(EngineName::default(), ENGINES[0].name, "help lists the default first");
        assert_eq!(EngineName::list("or"), "`prebuilt` or `buildroot`");
    }

    #[test]
    fn descriptions_are_complete_and_do_not_collide() {
        let mut keys = BTreeSet::from(["version", "system"]);
        for kind in ENGINES {
            let name = kind.name;
            assert!(!kind.title.is_empty() && !kind.about.is_empty() && !kind.about.ends_with('.'), "{name}");
            assert!(!kind.requirements.is_empty(), "{name}");
            for requirement in kind.requirements {
                assert!(!requirement.program.is_empty() && !requirement.package.is_empty(), "{name}");
            }
            for key in [kind.lock.key].iter().chain(kind.lock.old_keys) {
                assert!(keys.insert(key), "{name}: `{key}` of the lock file is taken");
            }
            // Users keep theirs in a workspace, too: what `clean` removes is named, and lies in it.
            for output in kind.output_directories.iter().chain(kind.output_files) {
                assert!(!output.is_empty() && !output.contains('/') && *output != "." && *output != "..", "{name}");
            }
        }
    }
}
