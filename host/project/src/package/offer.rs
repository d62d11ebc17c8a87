//! What can be asked of a package: its own commands, and those of the packages that it needs.

use skiff_layers::Chain;
use skiff_layers::Layer;
use skiff_layers::LayerCommand;
use skiff_layers::LayerName;
use skiff_layers::Package;
use skiff_layers::SearchPath;

use super::PackageError;
use crate::error::Result;
use crate::session::Session;

/// A command that a package answers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The command.
    pub name: String,
    /// What it does, in a line.
    pub summary: String,
    /// The packages that declare it, all equally near. With more than one of them the name alone is ambiguous.
    pub owners: Vec<LayerName>,
}

impl Offer {
    /// Returns the package that declares the command, if it is one only.
    pub fn owner(&self) -> Option<&LayerName> {
        match self.owners.as_slice() {
            [owner] => Some(owner),
            _ => None,
        }
    }

    /// Returns the command as `show --json` has it.
    pub fn json(&self) -> serde_json::Value {
        let owners: Vec<&str> = self.owners.iter().map(LayerName::as_str).collect();
        serde_json::json!({"name": self.name, "summary": self.summary, "of": owners})
    }

    /// Returns the words for a list: what the command does, and whose it is if it is not the package's own.
    pub fn described(&self, package: &LayerName) -> String {
        let owners: Vec<String> = self.owners.iter().map(|owner| format!("`{owner}`")).collect();
        match self.owner() {
            Some(owner) if owner == package => self.summary.clone(),
            Some(owner) => format!("{} (of `{owner}`)", self.summary),
            None => format!("(ambiguous: name one of {})", owners.join(", ")),
        }
    }
}

/// Returns the commands of a package, its own first, then those of what it needs, the nearest first. A command hides
/// those of the same name that are farther away.
///
/// # Errors
/// If the package, or one that it needs, cannot be found or read.
pub fn offers(session: &Session, package: &LayerName) -> Result<Vec<Offer>> {
    offers_in(&session.search_path()?, package)
}

/// As [`offers`], for several packages.
///
/// # Errors
/// As for [`offers`].
pub fn offers_in(search: &SearchPath<'_>, package: &LayerName) -> Result<Vec<Offer>> {
    let chain = Chain::resolve(package.as_str(), search)?;
    let mut offers: Vec<Offer> = Vec::new();
    for level in levels(chain.packages(), package)? {
        let nearer = offers.len();
        for member in level {
            for command in chain.commands_of(&Layer::at(member))? {
                match offers.iter().position(|offer| offer.name == command.name) {
                    None => {
                        let (summary, owners) = (command.described(), vec![member.name.clone()]);
                        offers.push(Offer { name: command.name, summary, owners });
                    }
                    Some(known) if known >= nearer => {
                        if let Some(offer) = offers.get_mut(known)
                            && !offer.owners.contains(&member.name)
                        {
                            offer.owners.push(member.name.clone());
                        }
                    }
                    Some(_) => {}
                }
            }
        }
    }
    Ok(offers)
}

/// Returns the package whose command is meant if a package is asked for one that it lacks: the nearest of those that it
/// needs. `None` if none has it.
///
/// # Errors
/// If several packages that are equally near have it.
pub fn owner_of(session: &Session, package: &LayerName, name: &str) -> Result<Option<LayerName>> {
    let Some(offer) = offers(session, package)?.into_iter().find(|offer| offer.name == name) else { return Ok(None) };
    if let Some(owner) = offer.owner() {
        return Ok(Some(owner.clone()));
    }
    Err(PackageError::Ambiguous { package: package.clone(), name: name.to_owned(), owners: offer.owners }.into())
}

/// Returns the commands that a package offers itself.
///
/// # Errors
/// If the package, or one that it needs, cannot be found or read.
pub fn declared(search: &SearchPath<'_>, package: &Package) -> Result<Vec<LayerCommand>> {
    let chain = Chain::resolve(package.name.as_str(), search)?;
    Ok(chain.commands_of(&Layer::at(package))?)
}

/// The package alone, then what it needs, then what those need, and so on; each package once, at its nearest.
fn levels<'p>(packages: &'p [Package], package: &LayerName) -> Result<Vec<Vec<&'p Package>>> {
    let mut rest: Vec<&Package> = packages.iter().collect();
    let mut wanted = vec![package.clone()];
    let mut levels = Vec::new();
    while !wanted.is_empty() {
        let mut level = Vec::new();
        for name in std::mem::take(&mut wanted) {
            if let Some(at) = rest.iter().position(|package| package.name == name) {
                level.push(rest.remove(at));
            }
        }
        for member in &level {
            wanted.extend(member.dependencies()?.into_iter().map(|(name, _)| name));
        }
        levels.push(level);
    }
    Ok(levels)
}
