//! Why one stack comes out differently: from the files that changed, through the declarations in them, to the imports
//! that lead from the stack there.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use kcl::lower::fingerprint::Part;
use kcl::package::{Package, PackageFile, PackageId};
use rustc_hash::FxHashMap;
use syntax::ast::{Schema, Stmt, StmtKind};
use syntax::{Span, Symbol};

use super::{Affected, Change, Comparison, Remembered, Results, Side, Status};
use crate::build::Progress;
use crate::build::compile::{Ready, prepare};
use crate::build::reuse::{Obstacle, Reason};
use crate::monorepo::{Commit, CompileUnit, Git, PackageStore, RevisionError, StackId, marks, paths};

/// Why a stack comes out differently, or that it does not.
#[derive(Debug)]
pub struct Why {
    /// What became of the stack; `None` where it comes out the same.
    pub status: Option<Status>,
    /// Why, in a few words, most telling first.
    pub because: Vec<String>,
    /// What leads there.
    pub chains: Vec<Chain>,
    /// What differs of that which it asks for, and changes nothing.
    pub idle: Vec<ChangedFile>,
}

/// One thing that makes a stack differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// In words.
    pub because: String,
    /// The files that differ and have to do with it.
    pub files: Vec<ChangedFile>,
    /// The declaration, where it is one.
    pub declaration: Option<Declaration>,
    /// The imports that lead from the stack to the declaration or the file, the stack's own first.
    pub used_by: Vec<Import>,
}

/// A file that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedFile {
    /// From the root.
    pub path: String,
    /// What became of it.
    pub change: Change,
    /// The commits between the revisions that touch it, newest first.
    pub commits: Vec<Commit>,
    /// Whether what is not committed touches it.
    pub uncommitted: bool,
}

/// A declaration that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// Its package; empty for the stack's own files.
    pub package: String,
    /// Its name.
    pub name: String,
    /// What of it differs and is used.
    pub parts: Vec<String>,
    /// Where it is: the path from the root, and the line.
    pub place: Option<(String, u32)>,
}

/// An import on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The file that imports, from the root.
    pub file: String,
    /// The line.
    pub line: u32,
    /// The package that is imported, as programs write it.
    pub package: String,
}

/// A stack's program on one side.
struct Loaded<'a> {
    side: Side<'a>,
    unit: CompileUnit,
    ready: Ready,
}

/// A package of one of the sides.
#[derive(Clone, Copy)]
struct Place<'l> {
    on: &'l Loaded<'l>,
    /// `None` for the stack's own files.
    id: Option<PackageId>,
}

impl Comparison<'_> {
    /// Why the only stack that is compared comes out differently; also what was in the way of remembering that. `None`
    /// where neither side has it.
    #[must_use]
    pub fn why(&self, remembered: &Remembered<'_>, progress: &dyn Progress) -> (Option<Why>, Vec<String>) {
        let mut results = self.results(remembered, progress);
        let problems = std::mem::take(&mut results.problems);
        let why = match results.pairs.first() {
            Some(pair) => Some(Explain::new(self, &results, *pair).why()),
            None => results.alone.pop().map(|alone| results.why_alone(alone)),
        };
        (why, problems)
    }
}

impl Results<'_> {
    /// A stack that only one side has is one there by its files.
    fn why_alone(&self, alone: Affected) -> Why {
        let Affected { path, status, because, .. } = alone;
        let inputs = &self.different.inputs;
        let root = &inputs.sides[1].monorepo.root;
        let folder = paths::join(root, &path);
        let files = [marks::STACK, marks::MODULE, marks::MAIN].map(|name| folder.join(name));
        let files = files.iter().filter_map(|file| match inputs.what(file)? {
            Change::Modified => None,
            change => Some(ChangedFile::new(root, file, change)),
        });
        let files = files.collect();
        let chain = Chain { because: because.join(", "), files, declaration: None, used_by: Vec::new() };
        Why { status: Some(status), because: because.to_vec(), chains: vec![chain], idle: Vec::new() }
    }
}

/// A stack that both sides have.
struct Explain<'r> {
    comparison: &'r Comparison<'r>,
    results: &'r Results<'r>,
    pair: (StackId, StackId),
    folder: PathBuf,
    /// What differs of what it asks for.
    changes: BTreeMap<PathBuf, Change>,
    /// The base and the head, as far as they can be loaded.
    loaded: [Option<Loaded<'r>>; 2],
}

impl<'r> Explain<'r> {
    fn new(comparison: &'r Comparison<'r>, results: &'r Results<'r>, pair: (StackId, StackId)) -> Self {
        let head = comparison.head.monorepo;
        let folder = head.folder(head.stack(pair.1));
        let inputs = &results.different.inputs;
        let differing = inputs.differences(pair).files.into_keys();
        let changes = differing.map(|path| {
            let change = inputs.what(&path).unwrap_or(Change::Modified);
            (path, change)
        });
        let changes = changes.collect();
        let load = |side| Loaded::new(side, comparison.store, &folder);
        let loaded = [load(comparison.base), load(comparison.head)];
        Self { comparison, results, pair, folder, changes, loaded }
    }

    fn why(&self) -> Why {
        let Results { base, head, different, .. } = self.results;
        let because = match (base.stacks.first(), head.stacks.first()) {
            (Some(base), Some(head)) => different.because(self.pair, base, head),
            _ => None,
        };
        let all = || self.files(|_| true);
        let Some(because) = because else {
            return Why { status: None, because: Vec::new(), chains: Vec::new(), idle: all() };
        };
        let mut chains = self.chains().unwrap_or_default();
        if chains.is_empty() {
            chains = self.changes.keys().map(|path| self.by_file(path)).collect();
        }
        Why { status: Some(Status::Modified), because, chains, idle: Vec::new() }
    }

    /// What stands against reusing the base's result; `None` where one of the sides has none.
    fn chains(&self) -> Option<Vec<Chain>> {
        let base = self.comparison.base.monorepo;
        let evidence = self.results.different.base.evidence(base.stack(self.pair.0), &self.folder)?;
        let Loaded { unit, ready, .. } = self.loaded[1].as_ref()?;
        let obstacles = self.results.different.head.obstacles(&self.folder, &evidence, unit, ready);
        let mut chains: Vec<Chain> = Vec::new();
        for obstacle in obstacles {
            match obstacle {
                Obstacle::Part(identity, part) => self.add_part(&mut chains, identity.as_deref(), part),
                Obstacle::Other(Reason::New | Reason::Lost | Reason::Moved) => {}
                Obstacle::Other(reason) => chains.push(self.other(&reason)),
            }
        }
        Some(chains)
    }

    /// A part of a declaration; parts of one declaration are one chain.
    fn add_part(&self, chains: &mut Vec<Chain>, identity: Option<&str>, part: Part) {
        let package = Obstacle::package(identity);
        let name = declaration_of(part).map_or_else(|| part.to_string(), |name| name.to_string());
        let same = |it: &&mut Chain| {
            it.declaration.as_ref().is_some_and(|it| it.package == package && it.name == name)
        };
        let found = self.package(identity);
        let place = found.and_then(|found| self.place(found, part));
        if let Some(chain) = chains.iter_mut().find(same) {
            let declaration = chain.declaration.as_mut();
            declaration.into_iter().for_each(|it| it.parts.push(part.to_string()));
            return;
        }
        let of = if package.is_empty() { "its own files".to_owned() } else { format!("`{package}`") };
        chains.push(Chain {
            because: format!("`{name}` of {of} changed"),
            files: found.map_or_else(Vec::new, |found| self.files_of(found, place.as_ref())),
            used_by: found.map_or_else(Vec::new, Place::imports),
            declaration: Some(Declaration {
                package,
                name,
                parts: vec![part.to_string()],
                place: place.map(|(path, line)| (self.show(&path), line)),
            }),
        });
    }

    fn other(&self, reason: &Reason) -> Chain {
        let own = |path: &Path| self.owner(path).is_some_and(|place| place.id.is_none());
        let (because, files) = match reason {
            Reason::File(file) => {
                let path = paths::join(&self.folder, file);
                (self.results.different.inputs.change(&path), self.files(|it| it == path))
            }
            Reason::Statements => (reason.to_string(), self.files(own)),
            Reason::Settings | Reason::Option(_) => {
                (reason.to_string(), self.files(|path| self.owner(path).is_none()))
            }
            _ => (reason.to_string(), self.files(|_| true)),
        };
        Chain { because, files, declaration: None, used_by: Vec::new() }
    }

    /// A file of which nobody knows what it does to the stack.
    fn by_file(&self, path: &Path) -> Chain {
        let because = self.results.different.inputs.change(path);
        let used_by = self.owner(path).map_or_else(Vec::new, Place::imports);
        Chain { because, files: self.files(|it| it == path), declaration: None, used_by }
    }

    /// The head's package of an identity, else the base's.
    fn package(&self, identity: Option<&str>) -> Option<Place<'_>> {
        self.loaded.iter().rev().flatten().find_map(|on| on.package(identity))
    }

    /// The package that a file belongs to.
    fn owner(&self, path: &Path) -> Option<Place<'_>> {
        self.loaded.iter().rev().flatten().find_map(|on| on.owner(path))
    }

    /// Where a declaration is: in a file that differs, if there is one.
    fn place(&self, found: Place<'_>, part: Part) -> Option<(PathBuf, u32)> {
        let place = |file: &PackageFile| {
            let span = file.file.tree.body.iter().find_map(|stmt| span_in(stmt, part))?;
            Some((file.file.path.clone(), file.file.source.line_col(span.start).line))
        };
        let files = &found.package().files;
        let differs = |file: &&PackageFile| self.changes.contains_key(&file.file.path);
        files.iter().filter(differs).find_map(place).or_else(|| files.iter().find_map(place))
    }

    /// The files that differ and have to do with a declaration: its own, else others of its package.
    fn files_of(&self, found: Place<'_>, place: Option<&(PathBuf, u32)>) -> Vec<ChangedFile> {
        if let Some((path, _)) = place
            && self.changes.contains_key(path)
        {
            return self.files(|it| it == path);
        }
        let package = found.package();
        let inside = self.files(|path| package.files.iter().any(|file| file.file.path == path));
        if !inside.is_empty() {
            return inside;
        }
        let folder = package.files.first().and_then(|file| file.file.path.parent());
        self.files(|path| path.parent() == folder)
    }

    fn files(&self, wanted: impl Fn(&Path) -> bool) -> Vec<ChangedFile> {
        let root = &self.comparison.head.monorepo.root;
        let wanted = self.changes.iter().filter(|(path, _)| wanted(path));
        wanted.map(|(path, change)| ChangedFile::new(root, path, *change)).collect()
    }

    fn show(&self, path: &Path) -> String {
        paths::slashed(&paths::relative(&self.comparison.head.monorepo.root, path))
    }
}

impl<'a> Loaded<'a> {
    fn new(side: Side<'a>, store: &PackageStore, folder: &Path) -> Option<Self> {
        let Side { shared, monorepo } = side;
        let unit = CompileUnit::of_stack(shared.world, store, &monorepo.root, folder).ok()?;
        let ready = prepare(shared, &unit, shared.world).ok()?;
        Some(Self { side, unit, ready })
    }

    fn places(&self) -> impl Iterator<Item = Place<'_>> {
        let ids = std::iter::once(None).chain(self.ready.main.closure.iter().copied().map(Some));
        ids.map(|id| Place { on: self, id })
    }

    fn package(&self, identity: Option<&str>) -> Option<Place<'_>> {
        let Side { shared, monorepo } = self.side;
        let name = |id: PackageId| shared.program.identity(id, &monorepo.root);
        self.places().find(|place| match (place.id, identity) {
            (None, None) => true,
            (Some(id), Some(identity)) => name(id) == identity,
            _ => false,
        })
    }

    fn owner(&self, path: &Path) -> Option<Place<'_>> {
        self.places().find(|place| place.package().files.iter().any(|file| file.file.path == path))
    }
}

impl<'l> Place<'l> {
    fn package(self) -> &'l Package {
        match self.id {
            None => &self.on.ready.main.package,
            Some(id) => self.on.side.shared.program.package(id),
        }
    }

    /// The shortest way from the stack to the package.
    fn imports(self) -> Vec<Import> {
        let Some(target) = self.id else { return Vec::new() };
        let program = self.on.side.shared.program;
        let mut from: FxHashMap<PackageId, (&Package, u32, Span)> = FxHashMap::default();
        let mut next = VecDeque::from([&self.on.ready.main.package]);
        while let Some(package) = next.pop_front().filter(|_| !from.contains_key(&target)) {
            for (id, file, span) in &package.dependencies {
                from.entry(*id).or_insert_with(|| {
                    next.push_back(program.package(*id));
                    (package, *file, *span)
                });
            }
        }
        let root = &self.on.side.monorepo.root;
        let mut way = Vec::new();
        let mut id = target;
        while let Some((importer, file, span)) = from.get(&id) {
            let Some(file) = importer.files.get(*file as usize) else { break };
            way.push(Import {
                file: paths::slashed(&paths::relative(root, &file.file.path)),
                line: file.file.source.line_col(span.start).line,
                package: program.package(id).name.to_string(),
            });
            id = importer.id;
        }
        way.reverse();
        way
    }
}

impl ChangedFile {
    fn new(root: &Path, path: &Path, change: Change) -> Self {
        let path = paths::slashed(&paths::relative(root, path));
        Self { path, change, commits: Vec::new(), uncommitted: false }
    }
}

impl Why {
    /// Asks git which commits between two revisions touch the files; the head is the working tree if it is no commit.
    ///
    /// # Errors
    /// Where git cannot tell.
    pub fn find_commits(
        &mut self,
        git: &Git,
        root: &Path,
        base: &str,
        head: Option<&str>,
    ) -> Result<(), RevisionError> {
        let mut known: BTreeMap<String, (Vec<Commit>, bool)> = BTreeMap::new();
        for file in self.chains.iter_mut().flat_map(|chain| &mut chain.files).chain(&mut self.idle) {
            if !known.contains_key(&file.path) {
                let path = paths::join(root, &file.path);
                let commits = git.touching(base, head.unwrap_or("HEAD"), &path)?;
                let uncommitted = head.is_none() && git.is_dirty(&path)?;
                known.insert(file.path.clone(), (commits, uncommitted));
            }
            if let Some((commits, uncommitted)) = known.get(&file.path) {
                file.commits.clone_from(commits);
                file.uncommitted = *uncommitted;
            }
        }
        Ok(())
    }
}

/// The declaration that a part belongs to.
fn declaration_of(part: Part) -> Option<Symbol> {
    match part {
        Part::Statements | Part::Order(_) | Part::Names | Part::Everything => None,
        Part::Variable(name) | Part::Schema(name) | Part::Rule(name) | Part::Name(name) => Some(name),
        Part::Lambda(name, _) | Part::Asserts(name, _) | Part::Arm(name, _) | Part::Arms(name, _) => {
            Some(Part::declaration(name))
        }
        Part::Checks(name) => Some(name),
        Part::Default(schema, ..)
        | Part::Accepts(schema, ..)
        | Part::Keys(schema, _)
        | Part::Shown(schema, _)
        | Part::Listed(schema)
        | Part::Mixins(schema)
        | Part::Attr(schema, _) => Some(schema),
    }
}

/// Where a statement declares what a part belongs to.
fn span_in(stmt: &Stmt, part: Part) -> Option<Span> {
    let name = declaration_of(part)?;
    match &stmt.kind {
        StmtKind::Schema(schema) if schema.name.name == name => Some(span_of(schema, part)),
        StmtKind::Rule(rule) if rule.name.name == name => Some(rule.name.span),
        StmtKind::TypeAlias(alias) if alias.name.name == name => Some(alias.name.span),
        StmtKind::Unify(unify) if unify.name.name == name => Some(unify.name.span),
        StmtKind::AugAssign(assign) if assign.target.name.name == name => Some(assign.target.span),
        StmtKind::Assign(assign) => {
            assign.targets.iter().find(|target| target.name.name == name).map(|target| target.span)
        }
        StmtKind::If(branch) => {
            branch.body.iter().chain(&branch.otherwise).find_map(|stmt| span_in(stmt, part))
        }
        _ => None,
    }
}

/// The attribute that a part is about, else the schema.
fn span_of(schema: &Schema, part: Part) -> Span {
    let attr = match part {
        Part::Default(_, attr, which) | Part::Accepts(_, attr, which, _) => Some((attr, which)),
        Part::Attr(_, attr) => Some((attr, 0)),
        _ => None,
    };
    let attrs = schema.body.iter().filter_map(|stmt| match &stmt.kind {
        StmtKind::Attr(attr) => Some(attr.name),
        _ => None,
    });
    let found = attr.and_then(|(attr, which)| {
        let mut attrs = attrs.filter(|ident| ident.name == attr);
        attrs.nth(which as usize)
    });
    found.map_or(schema.name.span, |ident| ident.span)
}
