//! The stages of a build, each with the digests of everything it is made from: what decides whether there is work,
//! and says why.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use skiff_digest::Digest;
use skiff_digest::DigestBuilder;

use crate::Input;

/// A stage and what it is made from, besides the stages before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageInputs {
    /// Its name: `kernel`.
    pub stage: String,
    /// The digest of each input.
    #[serde(with = "pairs")]
    pub inputs: BTreeMap<Input, Digest>,
}

/// Why a stage has to be made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StageChange {
    /// The stage.
    pub stage: String,
    /// What has changed, each with what happened to it; empty when only an earlier stage has.
    #[serde(serialize_with = "as_text")]
    pub inputs: Vec<(Input, InputChange)>,
}

/// Documents show an input as people read it.
fn as_text<S: Serializer>(inputs: &[(Input, InputChange)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(inputs.iter().map(|(input, change)| (input.to_string(), change)))
}

/// Keys of JSON are text, so records have a list of pairs.
mod pairs {
    use super::*;

    pub(super) fn serialize<S: Serializer>(map: &BTreeMap<Input, Digest>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(source: D) -> Result<BTreeMap<Input, Digest>, D::Error> {
        Ok(Vec::deserialize(source)?.into_iter().collect())
    }
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
    pub(crate) fn add(&mut self, input: Input, digest: Digest) -> &mut Self {
        self.inputs.insert(input, digest);
        self
    }

    /// Adds an input by its text.
    pub(crate) fn add_text(&mut self, input: Input, text: impl AsRef<[u8]>) -> &mut Self {
        self.add(input, Digest::of(text.as_ref()))
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
        for (input, digest) in &stage.inputs {
            builder.field(input.to_string()).field(digest.bytes());
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
        let mut inputs: Vec<(Input, InputChange)> = Vec::new();
        for (input, digest) in &stage.inputs {
            match before.get(input) {
                None => inputs.push((input.clone(), InputChange::Added)),
                Some(known) if known != digest => inputs.push((input.clone(), InputChange::Changed)),
                Some(_) => {}
            }
        }
        let gone = before.keys().filter(|input| !stage.inputs.contains_key(*input));
        inputs.extend(gone.map(|input| (input.clone(), InputChange::Removed)));
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
            stage.add_text(Input::Target, text);
        }
        stages.to_vec()
    }

    #[test]
    fn a_change_is_named_and_reaches_the_later_stages() {
        let (old, new) = (stages("a"), stages("b"));
        assert_eq!(stage_changes(&old, &old), []);
        let changes = stage_changes(&old, &new);
        assert_eq!(changes.len(), 2);
        assert_eq!(changes[0].inputs, [(Input::Target, InputChange::Changed)]);
        assert_eq!((changes[1].stage.as_str(), changes[1].inputs.len()), ("images", 0));
        let (a, b) = (stage_digests(&old), stage_digests(&new));
        assert_eq!(a[0], b[0]);
        assert!(a[1] != b[1] && a[2] != b[2]);
    }
}
