use skiff_build::LockFile;
use skiff_flash::Rules;
use skiff_flash::Sources;
use skiff_flash::Stop;
use skiff_layers::BoardCommand;
use skiff_layers::BoardDecl;
use skiff_layers::LayerName;
use skiff_layers::LayerPlugin;
use skiff_layout::Ids;
use skiff_layout::Layout;
use skiff_layout::Medium;
use skiff_plan::BuildPlan;
use skiff_runtime::board::Intent;

use crate::MediumError;
use crate::Session;
use crate::consent;
use crate::error::Result;
use crate::lock;
use crate::media::Chosen;
use crate::media::choose;
use crate::package::of_package;
use crate::package::owner_of;
use crate::package::uses_workspace;

/// The plugin that knows the medium of a package's board, with the system that goes onto it.
pub struct Board {
    plan: BuildPlan,
    plugin: LayerPlugin,
    /// What the manifest says of the board.
    pub decl: BoardDecl,
    /// The package that was asked, which may have the plugin from one that it needs.
    pub package: LayerName,
    /// Whether the images of the workspace are those of its system.
    is_in_chain: bool,
}

impl Board {
    /// Finds the plugin of a package, or of one that it needs: in the chain, or else in that of the package alone, since
    /// the board of the chain would lay its own files over those of another.
    pub fn of(session: &Session, package: &LayerName) -> Result<Self> {
        if session.requested().is_some() && session.chain()?.names().contains(package) {
            return Self::in_plan(session, session.plan_with(package)?, package);
        }
        let board = Self::in_plan(session, session.plan_of_package(package)?, package)?;
        Ok(Self { is_in_chain: false, ..board })
    }

    /// Finds the plugin of a package, or of the nearest one that it needs, in a plan.
    pub fn in_plan(session: &Session, plan: BuildPlan, package: &LayerName) -> Result<Self> {
        let owner = owner_of(session, package, BoardCommand::Format.name())?;
        let found = of_package(&plan, owner.as_ref().unwrap_or(package))
            .find_map(|plugin| plugin.decl.board.clone().map(|decl| (plugin.clone(), decl)));
        match found {
            Some((plugin, decl)) => Ok(Self { plan, plugin, decl, package: package.clone(), is_in_chain: true }),
            None => Err(MediumError::NoBoard(package.clone()).into()),
        }
    }

    /// Refuses images that were built for another chain: the board would start a system that is not its own.
    pub fn check_images(&self, session: &Session) -> Result<()> {
        let built = LockFile::read(&session.workspace)?.system;
        let Some(built) = built.filter(|_| self.is_in_chain && session.workspace.images().is_dir()) else {
            return Ok(());
        };
        // Base layers and overrides belong to every chain.
        let of_chain = |layer: &&str| !layer.starts_with("base/") && !layer.starts_with("overrides");
        let built: Vec<&str> = built.layers.iter().map(|layer| layer.layer.as_str()).filter(of_chain).collect();
        if built == self.plan.chain {
            return Ok(());
        }
        let (images, built) = (session.workspace.images(), built.join(","));
        Err(MediumError::OtherChain { images, built, chain: self.plan.chain.join(",") }.into())
    }

    /// Finds the medium that the user named, or else the board's variable names, and checks it if it is a device.
    pub fn medium(&self, session: &Session, named: Option<&str>, rules: &Rules) -> Result<Chosen> {
        let variable = self.decl.device.as_deref();
        let named = named.or_else(|| variable.and_then(|name| session.console.environment.get(name)));
        let named = named.ok_or_else(|| MediumError::Unnamed { variable: variable.map(str::to_owned) })?;
        choose(&session.console, named, 0, rules)
    }

    /// Asks the plugin for the layout of a medium, which it cannot reach.
    pub fn layout(&self, session: &Session, intent: Intent, medium: Medium, model: &str) -> Result<Layout> {
        lock::check(session, &self.plan)?;
        consent::obtain(session, [&self.plugin])?;
        if uses_workspace(&self.plugin) {
            skiff_build::claim(&session.workspace)?;
        }
        let zones = session.zones(&self.plan);
        Ok(session.plugin_runner(&self.plan)?.layout(&self.plugin, intent, medium, model, &zones)?)
    }

    /// Where the contents come from.
    pub fn sources(&self, session: &Session) -> Result<Sources> {
        let images = session.workspace.images();
        let cancel = session.console.cancel.clone();
        Ok(Sources {
            images: (self.is_in_chain && images.is_dir()).then_some(images),
            layers: self.plan.layer_folders().into_iter().map(|(_, folder)| folder).collect(),
            epoch: session.source_date_epoch()?.unwrap_or(0),
            stop: Stop::when(move || cancel.is_cancelled()),
        })
    }

    /// The identities of what is made: of the same system on the same medium, the same.
    pub fn ids(&self, session: &Session, medium: Medium, serial: &str) -> Ids {
        // What cannot be read says nothing.
        let lock = skiff_layers::optional_text(&session.workspace.system_lock()).ok().flatten().unwrap_or_default();
        let rest = format!("\0{}\0{}\0{serial}", self.plugin.layer.name, medium.size);
        Ids::new(&[lock, rest].concat().into_bytes())
    }
}
