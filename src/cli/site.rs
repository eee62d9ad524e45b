//! What a command works on: the monorepo in one state, and the programs that are loaded from it.

use std::path::{Path, PathBuf};

use cache::Store;
use kcl::eval::Limits;
use kcl::resolve::Program;

use super::error::Refusal;
use super::failures::Built;
use super::options::{cache_dir, package_store, root, stand};
use crate::build::Journal;
use crate::build::checkout::FOLDER;
use crate::build::compile::Shared;
use crate::build::reuse::ActionKey;
use crate::build::survey::{Own, Survey, Sweep};
use crate::monorepo::{self, DiskWorld, Monorepo, PackageStore, paths};

/// The places that a command is about.
pub(crate) struct Places {
    /// Where the user stands.
    pub(crate) stand: PathBuf,
    /// The root of the monorepo.
    pub(crate) root: PathBuf,
    /// Where artifacts go.
    pub(crate) out: PathBuf,
}

/// The monorepo in one state.
pub(crate) struct Site {
    /// Its files.
    pub(crate) world: DiskWorld,
    /// Where packages are that are wanted by version.
    pub(crate) store: PackageStore,
    /// What was loaded of it.
    pub(crate) program: Program,
    /// Its stacks.
    pub(crate) monorepo: Monorepo,
    /// Where artifacts go.
    pub(crate) out: PathBuf,
}

impl Places {
    /// The places that arguments name, and the usual ones otherwise.
    pub(crate) fn find(root_given: Option<&Path>, out: Option<&Path>) -> Result<Self, Refusal> {
        let stand = stand()?;
        let root = root(&stand, root_given)?;
        let out = out.map_or_else(|| root.join("dist"), |out| paths::join(&stand, out));
        if root.starts_with(&out) {
            return Err(Refusal::request(
                format!("artifacts in `{}` would mix with the monorepo's own files", out.display()),
                "give a folder of their own with `--out DIR`",
            ));
        }
        Ok(Self { stand, root, out })
    }
}

impl Site {
    /// The working tree.
    pub(crate) fn here(places: &Places) -> Result<Self, Refusal> {
        Self::of(places, DiskWorld::new(&places.stand, false))
    }

    /// The working tree, whose stacks are known.
    pub(crate) fn known(places: &Places, monorepo: Monorepo) -> Self {
        Self::with(places, DiskWorld::new(&places.stand, false), monorepo)
    }

    /// A world whose stacks are known.
    pub(crate) fn with(places: &Places, world: DiskWorld, monorepo: Monorepo) -> Self {
        let (store, program, out) = (package_store(), Program::new(), places.out.clone());
        Self { world, store, program, monorepo, out }
    }

    /// The stacks that a world has.
    pub(crate) fn of(places: &Places, world: DiskWorld) -> Result<Self, Refusal> {
        let Places { root, out, .. } = places;
        let monorepo = monorepo::discover(&world, root, out).map_err(|problem| {
            let message = problem.message(&|path| world.show(path));
            Refusal::request(message, "check that you may read it")
        })?;
        Ok(Self { world, store: package_store(), program: Program::new(), monorepo, out: out.clone() })
    }

    /// What its compiles share.
    pub(crate) fn shared(&self, limits: Limits) -> Shared<'_> {
        let package_dir = self.store.folder.clone();
        Shared {
            program: &self.program,
            world: &self.world,
            package_dir,
            limits,
            traced: true,
            profile: None,
        }
    }

    /// As what it was built.
    pub(crate) fn built(&self) -> Built<'_> {
        Built { monorepo: &self.monorepo, world: &self.world, out: &self.out }
    }

    /// What besides files decides what its stacks come out as.
    pub(crate) fn key(&self, limits: Limits) -> ActionKey {
        action_key(&self.store, limits)
    }
}

/// What became of all that an earlier build rested on; `None` where there is nothing to rely on.
pub(crate) fn sweep(places: &Places, limits: Limits) -> Option<Sweep> {
    survey(places, limits).map(Sweep::of)
}

/// The same, for a comparison of revisions: git tells of many files.
pub(crate) fn sweep_on_ground(places: &Places, limits: Limits) -> Option<Box<Sweep>> {
    survey(places, limits).map(|survey| Box::new(Sweep::on_ground(survey)))
}

/// What an earlier build in this checkout rested on, or in one that shares its store; `None` where there is nothing to rely on.
pub(crate) fn survey(places: &Places, limits: Limits) -> Option<Survey> {
    let key = action_key(&package_store(), limits);
    own_survey(places, &key).or_else(|| {
        let (store, _) = Store::open(&cache_dir()?);
        Survey::borrowed(&store, &key, (&places.root, &places.out))
    })
}

fn own_survey(places: &Places, key: &ActionKey) -> Option<Survey> {
    let folder = places.root.join(FOLDER);
    // What a killed build has left is for one that looks closer.
    if !Journal::is_empty(&folder) {
        return None;
    }
    let own = Own::of(&places.root, &places.out);
    Survey::read(&folder, &key.of_survey(&places.root, &places.out), own)
}

/// What besides files decides what stacks come out as.
pub(crate) fn action_key(store: &PackageStore, limits: Limits) -> ActionKey {
    let package_dir = store.folder.as_ref().map(|folder| folder.to_string_lossy().into_owned());
    ActionKey { tool: env!("KONFIG_SOURCES"), limits, package_dir }
}
