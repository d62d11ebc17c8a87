//! What plugins added to the configuration when a workspace was configured, for commands that only look.

use serde::Deserialize;
use serde::Serialize;
use skiff_digest::Digest;
use skiff_plan::BuildPlan;
use skiff_plan::Contribution;
use skiff_plan::Workspace;

use crate::atomic::read_optional;

/// The file in the configuration's directory.
pub(crate) const FILE: &str = "contributions.json";

/// The contributions, and the digest of the plan that plugins were asked for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    plan: Digest,
    contributions: Vec<Contribution>,
}

/// Returns the text of the file.
pub(crate) fn text(plan: &BuildPlan) -> String {
    let record = Record { plan: plan.without_contributions(), contributions: plan.contributions.clone() };
    format!("{:#}\n", serde_json::json!(record))
}

/// Returns what the plugins of a plan added when its workspace was configured; `None` when layers have changed since, so that
/// they may add something else.
pub fn recorded_contributions(plan: &BuildPlan, workspace: &Workspace) -> Option<Vec<Contribution>> {
    let bytes = read_optional(&workspace.config().join(FILE)).ok()??;
    let record: Record = serde_json::from_slice(&bytes).ok()?;
    (record.plan == plan.without_contributions()).then_some(record.contributions)
}
