//! What there is in a workspace, and what is to be done there.

use skiff_build::Built;
use skiff_build::EngineName;
use skiff_build::Outlook;
use skiff_build::StageChange;
use skiff_build::StageInputs;
use skiff_build::Weight;
use skiff_build::WorkspaceLock;
use skiff_build::buildroot::Refused;
use skiff_build::stage_changes;
use skiff_build::stage_digests;
use skiff_kconfig::Dropped;
use skiff_plan::BuildPlan;
use skiff_plan::Workspace;

use crate::Session;
use crate::consent;
use crate::error::Error;
use crate::error::Result;

/// What the last build came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// No build has begun.
    Nothing,
    /// A build is running.
    Building,
    /// A build has begun and not ended.
    Unfinished,
    /// There are images, as the build made them.
    Images,
    /// The images differ from those that the build made.
    Damaged,
    /// The record of the build cannot be read.
    Unknown,
}

impl Outcome {
    /// Returns what a record of a build comes to, and the digests of the stages of that build.
    fn of(look: Option<Built>, workspace: &Workspace) -> (Self, Vec<StageInputs>) {
        match look {
            None => (Self::Unknown, Vec::new()),
            Some(Built::Never) => (Self::Nothing, Vec::new()),
            Some(Built::Unfinished(stages)) if WorkspaceLock::is_taken(workspace) => (Self::Building, stages),
            Some(Built::Unfinished(stages)) => (Self::Unfinished, stages),
            Some(Built::Images(stages)) => (Self::Images, stages),
            Some(Built::Damaged) => (Self::Damaged, Vec::new()),
        }
    }
}

/// What is to be done in the workspace.
pub struct Work {
    /// Whether the configuration is that of the plan.
    pub configured: bool,
    /// Whether there is a configuration at all.
    pub present: bool,
    /// What was built.
    pub built: Outcome,
    /// The engine that has built it, if that is another one.
    pub other: Option<EngineName>,
    /// The stages that would be made again; `None` when that is not known before configuring.
    pub changes: Option<Vec<StageChange>>,
    /// What would be built again, a line for each.
    pub again: Vec<String>,
    /// The layers that lack a grant without which nothing is built.
    pub refused: Vec<String>,
    /// What the system will be like.
    pub outlook: Outlook,
    /// The digest of each stage.
    pub stages: Vec<(String, String)>,
    /// The settings of the layers that the engine did not follow.
    pub dropped: Vec<Dropped>,
    /// Why something above is not known.
    pub error: Option<Error>,
}

impl Work {
    /// Finds it out. What cannot be found out is left open, and `error` says why.
    pub fn of(session: &Session, plan: &BuildPlan) -> Self {
        let workspace = &session.workspace;
        let mut first = FirstError::default();
        let engine = first.ok(session.engine(plan, false));
        let cancel = &session.console.cancel;
        let configured =
            engine.as_ref().is_some_and(|engine| skiff_build::is_configured(plan, workspace, engine.as_ref(), cancel));
        let look = first.ok(Built::look(workspace).map_err(Error::from));
        let (built, before) = Outcome::of(look, workspace);
        // Before it is configured, the inputs of a workspace are not known.
        let stages = engine.as_ref().and_then(|engine| engine.stages(plan, workspace, cancel).ok());
        let changes = stages.as_ref().map(|stages| stage_changes(&before, stages));
        let again = match (&engine, &changes, built) {
            (Some(engine), Some(changes), Outcome::Building | Outcome::Unfinished | Outcome::Images) => {
                engine.rebuilds(plan, workspace, changes).map_err(Error::from)
            }
            _ => Ok(Vec::new()),
        };
        let refused = match session.settings.engine.value.kind().runs_scripts {
            true => consent::refused(session, plan),
            false => Ok(Vec::new()),
        };
        let layer = |refused: Refused| match refused {
            Refused::Layer(name) => name,
            Refused::Script { place, .. } => place,
        };
        let other = skiff_build::built_by(workspace).ok().flatten();
        let digests = stages.iter().flat_map(|stages| stage_digests(stages));
        let mut dropped = skiff_build::read_dropped(workspace);
        dropped.retain(|dropped| configured && skiff_build::weigh(plan, dropped) == Weight::Wish);
        Self {
            configured,
            present: skiff_build::is_configuration(&workspace.config()),
            built,
            other: other.filter(|engine| *engine != session.settings.engine.value),
            changes,
            again: first.ok(again).unwrap_or_default(),
            refused: first.ok(refused).unwrap_or_default().into_iter().map(layer).collect(),
            outlook: engine.as_ref().map(|engine| engine.outlook(plan)).unwrap_or_default(),
            stages: digests.map(|(name, digest)| (name.to_owned(), digest.to_string())).collect(),
            dropped,
            error: first.0,
        }
    }

    /// Returns whether the images are those of the plan.
    pub fn is_done(&self) -> bool {
        self.configured && self.built == Outcome::Images && self.changes.as_ref().is_some_and(Vec::is_empty)
    }
}

/// The first error of several, which may be the cause of the others.
#[derive(Default)]
struct FirstError(Option<Error>);

impl FirstError {
    /// Returns the value of a result, and keeps its error if it is the first.
    fn ok<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.0.get_or_insert(error)).ok()
    }
}
