//! What there is in a workspace, and what is to be done there.

use skiff_build::Built;
use skiff_build::EngineName;
use skiff_build::Outlook;
use skiff_build::StageChange;
use skiff_build::Weight;
use skiff_build::WorkspaceLock;
use skiff_build::buildroot::Refused;
use skiff_build::stage_changes;
use skiff_build::stage_digests;
use skiff_kconfig::Dropped;
use skiff_plan::BuildPlan;

use crate::Session;
use crate::consent;
use crate::error::Error;

/// What the last build came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// No build has begun.
    Nothing,
    /// Somebody is at it.
    Building,
    /// A build has begun and not ended.
    Unfinished,
    /// There are images, as the build made them.
    Images,
    /// Somebody has changed the images.
    Damaged,
    /// The record of the build cannot be read.
    Unknown,
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
        let mut error = None;
        let engine = session.engine(plan, false).map_err(|reason| error = Some(reason)).ok();
        let configured = engine.as_ref().is_some_and(|engine| {
            skiff_build::is_configured(plan, &session.workspace, engine.as_ref(), &session.console.cancel)
        });
        let mut known = |result| match result {
            Ok(known) => Some(known),
            Err(reason) => {
                // The first one may be the reason of the others.
                error.get_or_insert(reason);
                None
            }
        };
        let look = known(Built::look(&session.workspace).map_err(Error::from));
        let (built, before) = match look {
            None => (Outcome::Unknown, Vec::new()),
            Some(Built::Never) => (Outcome::Nothing, Vec::new()),
            Some(Built::Unfinished(stages)) if WorkspaceLock::is_taken(&session.workspace) => {
                (Outcome::Building, stages)
            }
            Some(Built::Unfinished(stages)) => (Outcome::Unfinished, stages),
            Some(Built::Images(stages)) => (Outcome::Images, stages),
            Some(Built::Damaged) => (Outcome::Damaged, Vec::new()),
        };
        // Before it is configured, nobody knows what a workspace will be made from.
        let stages =
            engine.as_ref().and_then(|engine| engine.stages(plan, &session.workspace, &session.console.cancel).ok());
        let changes = stages.as_ref().map(|stages| stage_changes(&before, stages));
        let again = match (&engine, &changes, built) {
            (Some(engine), Some(changes), Outcome::Building | Outcome::Unfinished | Outcome::Images) => {
                engine.rebuilds(plan, &session.workspace, changes).map_err(Error::from)
            }
            _ => Ok(Vec::new()),
        };
        let again = again.unwrap_or_else(|reason| {
            error = Some(reason);
            Vec::new()
        });
        let refused = match session.settings.engine.value.kind().runs_scripts {
            true => consent::refused(session, plan),
            false => Ok(Vec::new()),
        };
        let refused = refused.unwrap_or_else(|reason| {
            error = Some(reason);
            Vec::new()
        });
        let layer = |refused: Refused| match refused {
            Refused::Layer(name) => name,
            Refused::Script { place, .. } => place,
        };
        let refused = refused.into_iter().map(layer).collect();
        let other = skiff_build::built_by(&session.workspace).ok().flatten();
        let other = other.filter(|engine| *engine != session.settings.engine.value);
        let present = skiff_build::is_configuration(&session.workspace.config());
        let digests = stages.iter().flat_map(|stages| stage_digests(stages));
        let stages = digests.map(|(name, digest)| (name.to_owned(), digest.to_string())).collect();
        let mut dropped = skiff_build::read_dropped(&session.workspace);
        dropped.retain(|dropped| configured && skiff_build::weigh(plan, dropped) == Weight::Wish);
        let outlook = engine.as_ref().map(|engine| engine.outlook(plan)).unwrap_or_default();
        Self { configured, present, built, other, changes, again, refused, outlook, stages, dropped, error }
    }

    /// Returns whether the images are those of the plan.
    pub fn is_done(&self) -> bool {
        self.configured && self.built == Outcome::Images && self.changes.as_ref().is_some_and(Vec::is_empty)
    }
}
