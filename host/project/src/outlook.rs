//! What a system will lack, and what can be done with it, in lines for people.

use std::collections::BTreeMap;

use skiff_build::Engine;
use skiff_build::EngineKind;
use skiff_build::Gap;
use skiff_build::Outlook;
use skiff_plan::BuildPlan;

use crate::error::Result;
use crate::package::offers;
use crate::session::Session;

/// Warns of what the system of a plan will lack: consequences first, then how many settings have no effect.
///
/// # Errors
/// What the last build lacks cannot be read.
pub fn warn(session: &Session, plan: &BuildPlan, engine: &dyn Engine) -> Result<()> {
    let lines = lines(session, plan, engine)?;
    if !lines.is_empty() {
        let lines: String = lines.iter().map(|line| format!("\n  {line}")).collect();
        session
            .console
            .warn(&format!("the engine `{}` does not give all that the layers ask for:{lines}", engine.name()));
    }
    Ok(())
}

/// Returns what the system of a plan will lack, a line for each.
///
/// # Errors
/// What the last build lacks cannot be read.
pub fn lines(session: &Session, plan: &BuildPlan, engine: &dyn Engine) -> Result<Vec<String>> {
    let mut lines: Vec<String> = engine.outlook(plan).lacks.iter().map(ToString::to_string).collect();
    lines.extend(without_effect(&engine.gaps(plan, &session.workspace)?.unwrap_or_default()));
    Ok(lines)
}

/// Layers that are shown with what they ask for in vain.
const SHOWN: usize = 8;

/// Sums up what the chain's own layers ask for in vain, a line for each layer.
fn without_effect(gaps: &[Gap]) -> Vec<String> {
    let mut layers: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for gap in gaps.iter().filter(|gap| !gap.is_machinery() && !gap.layer.starts_with("base/")) {
        *layers.entry(&gap.layer).or_default().entry(gap.group).or_default() += 1;
    }
    let line = |(layer, groups): (&&str, &BTreeMap<&str, usize>)| {
        let groups: Vec<String> = groups.iter().map(|(group, count)| format!("{group} {count}")).collect();
        format!("{layer}: settings without effect: {}", groups.join(", "))
    };
    let mut lines: Vec<String> = layers.iter().take(SHOWN).map(line).collect();
    if let Some(more @ 1..) = layers.len().checked_sub(SHOWN) {
        lines.push(format!("and settings of {more} more layers"));
    }
    lines
}

/// Commands that come after a build, the most telling first, with the arguments that they cannot do without.
const AFTER_BUILD: [(&str, &str); 2] = [("run", ""), ("format", " --device /dev/…")];

/// Returns the command line that makes use of a built system, and what it does.
pub fn next_command(session: &Session, outlook: &Outlook) -> Result<Option<(String, String)>> {
    if let Some(other) = EngineKind::first(|kind| kind.makes_firmware).filter(|_| !outlook.starts()) {
        let line = session.command_line(&format!("--engine {} build", other.name));
        return Ok(Some((line, "builds what the machine starts from, too".to_owned())));
    }
    let chain = session.chain()?;
    for (wanted, arguments) in AFTER_BUILD {
        for package in chain.requested() {
            let offers = offers(session, package)?;
            if let Some(offer) = offers.into_iter().find(|offer| offer.name == wanted && offer.owner().is_some()) {
                return Ok(Some((session.command_line(&format!("cmd {package} {wanted}{arguments}")), offer.summary)));
            }
        }
    }
    Ok(None)
}
