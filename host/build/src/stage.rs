//! The stages of a build, each with the digests of everything it is made from: what decides whether there is work,
//! and says why.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use skiff_plan::Digest;
use skiff_plan::DigestBuilder;

/// A stage and what it is made from, besides the stages before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageInputs {
    /// Its name: `kernel`.
    pub stage: String,
    /// The digest of each input, by a name that people understand: `pi/4: kernel`.
    pub inputs: BTreeMap<String, String>,
}

/// Why a stage has to be made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageChange {
    /// The stage.
    pub stage: String,
    /// What has changed, each with what happened to it; empty when only an earlier stage has.
    pub inputs: Vec<(String, InputChange)>,
}

/// What happened to an input since it was last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InputChange {
    /// It was not there.
    Added,
    /// It has other content.
    Changed,
    /// It is gone.
    Removed,
}

impl std::fmt::Display for InputChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Added => "new",
            Self::Changed => "changed",
            Self::Removed => "gone",
        })
    }
}

impl StageInputs {
    /// Makes a stage without inputs.
    pub(crate) fn new(stage: &str) -> Self {
        Self { stage: stage.to_owned(), inputs: BTreeMap::new() }
    }

    /// Adds an input by its digest.
    pub(crate) fn add(&mut self, name: impl Into<String>, digest: Digest) -> &mut Self {
        self.inputs.insert(name.into(), digest.to_string());
        self
    }

    /// Adds an input by its text.
    pub(crate) fn add_text(&mut self, name: impl Into<String>, text: impl AsRef<[u8]>) -> &mut Self {
        self.add(name, Digest::of(text.as_ref()))
    }
}

/// Returns the digest of each stage: of its inputs and of all stages before it.
pub fn stage_digests(stages: &[StageInputs]) -> Vec<(&str, Digest)> {
    let mut previous = None;
    let mut digests = Vec::new();
    for stage in stages {
        let mut builder = DigestBuilder::default();
        if let Some(previous) = previous {
            let previous: Digest = previous;
            builder.field(previous.bytes());
        }
        builder.field(&stage.stage);
        for (name, digest) in &stage.inputs {
            builder.field(name).field(digest);
        }
        let digest = builder.finish();
        digests.push((stage.stage.as_str(), digest));
        previous = Some(digest);
    }
    digests
}

/// Returns the stages that have to be made again: the first with changed inputs and all that follow.
pub fn stage_changes(old: &[StageInputs], new: &[StageInputs]) -> Vec<StageChange> {
    let mut changes = Vec::new();
    for stage in new {
        let none = BTreeMap::new();
        let before = old.iter().find(|known| known.stage == stage.stage).map_or(&none, |known| &known.inputs);
        let mut inputs: Vec<(String, InputChange)> = Vec::new();
        for (name, digest) in &stage.inputs {
            match before.get(name) {
                None => inputs.push((name.clone(), InputChange::Added)),
                Some(known) if known != digest => inputs.push((name.clone(), InputChange::Changed)),
                Some(_) => {}
            }
        }
        let gone = before.keys().filter(|name| !stage.inputs.contains_key(*name));
        inputs.extend(gone.map(|name| (name.clone(), InputChange::Removed)));
        if !inputs.is_empty() || !changes.is_empty() {
            changes.push(StageChange { stage: stage.stage.clone(), inputs });
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stages(kernel: &str) -> Vec<StageInputs> {
        let mut stages = ["toolchain", "kernel", "images"].map(StageInputs::new);
        for (stage, text) in stages.iter_mut().zip(["t", kernel, "i"]) {
            stage.add_text("symbols", text);
        }
        stages.to_vec()
    }

    #[test]
    fn a_change_is_named_and_reaches_the_later_stages() {
        let (old, new) = (stages("a"), stages("b"));
        assert_eq!(stage_changes(&old, &old), []);
        let changes = stage_changes(&old, &new);
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[0].inputs, [("symbols".to_owned(), InputChange::Changed)]);
        assert_eq!((changes[1].stage.as_str(), changes[1].inputs.len()), ("images", 0));
        let (a, b) = (stage_digests(&old), stage_digests(&new));
        assert_eq!(a[0], b[0]);
        assert!(a[1] != b[1] && a[2] != b[2]);
    }
}
