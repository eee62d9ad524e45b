//! Reuse: which stacks come out as in an earlier build.
//!
//! There are three proofs. The first reads no program: a compile is a function of what it asks the world, so where all
//! questions of a stack and of the packages that it imports have the answers of then, the artifact is the one of then.
//! The second (`interface`) is for stacks whose own files have the answers of then, while packages differ and have the interfaces
//! of then; `group` asks it for many stacks at once. For the third (`meaning`) the program is loaded and checked. Both hold
//! where everything that the trace of then names has the same fingerprint, or made only values that are the same, and the
//! packages that it imports can still be evaluated. Else the stack is evaluated.
//!
//! Invariants: what a compile has read is what its record says was answered, or there is no record; failures are never
//! recorded; whatever cannot be read back from the store counts as not there.
//!
//! Deliberately absent: dependencies between stacks, and reuse of values inside of an evaluation.

mod asked;
mod group;
mod health;
mod interface;
mod lists;
mod meaning;
mod reason;
mod record;
mod state;
mod traced;
mod used;
mod why;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use cache::{Batch, Digest, DigestBuilder, Short, Store, StoreError};
use kcl::eval::{Limits, Trace, Used};
use kcl::lower::fingerprint::{Fingerprint, Fingerprints, Part, fingerprints};
use kcl::package::{Package, PackageId};
use kcl::world::Query;
use rustc_hash::FxHashMap;
use serde::Serialize;

pub(super) use self::asked::{Asked, Group, Listener, marks, sorted, touches};
pub(super) use self::group::{Differing, GroupKey, Imports, Judged, Members, Proven};
use self::health::HealthMemory;
pub(super) use self::interface::SameCode;
use self::lists::{Differences, Lists, UsedList};
pub use self::reason::Reason;
use self::record::{Frame, Kept, OwnParts, Packages, PartName, Questions, Record, digest, joined};
pub(super) use self::record::{PackageState, Question, decode, encode};
pub use self::state::{Artifacts, State};
use self::traced::{KeptImports, Numbered, Numbers};
use self::used::UsedParts;
pub(super) use self::why::{Evidence, Obstacle};
use super::checkout::FOLDER;
use super::compile::{Compiled, Ready, Shared};
use super::survey::{Drawing, Drawn, Held, Own};
use super::{BuildRequest, Report};
use crate::memory::Memory;
use crate::monorepo::answers::{Answer, Answers, Known};
use crate::monorepo::{CompileUnit, Stack, marks, paths};

/// Everything besides files that decides what a stack comes out as; the same for all stacks of a build.
#[derive(Debug, Clone)]
pub struct ActionKey {
    /// The sources that this tool was built from.
    pub tool: &'static str,
    /// How much a program may do.
    pub limits: Limits,
    /// Where packages are looked for that no `kcl.mod` names.
    pub package_dir: Option<String>,
}

impl ActionKey {
    /// The key of what a checkout was like, by its root and the folder of its artifacts.
    #[must_use]
    pub fn of_survey(&self, root: &Path, out: &Path) -> Digest {
        let mut key = self.begin();
        key.text(&root.to_string_lossy()).text(&out.to_string_lossy());
        key.finish()
    }

    /// The key of what checkouts offer each other, in some shape, that have their artifacts at the same place.
    pub(super) fn of_offers(&self, version: u32, out: &Path) -> Digest {
        self.begin().text("surveys").number(u64::from(version)).text(&paths::slashed(out)).finish()
    }

    /// What is the same for all of them.
    fn digest(&self) -> Digest {
        self.begin().finish()
    }

    /// The key of a stack's records.
    fn of(&self, stack: &Stack) -> Digest {
        let mut key = self.begin();
        key.text(&stack.path);
        key.finish()
    }

    fn begin(&self) -> DigestBuilder {
        let Self { tool, limits: Limits { steps, memory }, package_dir } = self;
        let mut key = DigestBuilder::new();
        key.text(tool).number(*steps).number(*memory as u64);
        key.text(package_dir.as_deref().unwrap_or_default());
        key
    }
}

/// A stack's program as it is now, with what it asked.
pub(super) struct Program<'a> {
    pub(super) unit: &'a CompileUnit,
    pub(super) ready: &'a Ready,
    /// What the stack itself asked, sorted.
    pub(super) queries: &'a [Query],
    pub(super) fingerprints: Fingerprints,
}

impl Program<'_> {
    /// The statements that count at once.
    fn statements(&self) -> Part {
        let all = self.unit.flags.show_hidden.unwrap_or(false);
        if all { Part::Everything } else { Part::Statements }
    }
}

/// What earlier builds found out about a stack, newest first.
#[derive(Default)]
pub(super) struct Records(Vec<Record>);

/// Why no record of a stack holds.
pub(super) struct Doubt {
    pub(super) reason: Reason,
    /// The artifact of a record that holds unless a check refuses the stack.
    pub(super) unless_refused: Option<Digest>,
}

/// What a record says of the state in which it holds.
struct Renewed {
    frame: Arc<Frame>,
    answers: Answer,
    warned: bool,
}

/// A list as the store has it.
struct Encoded {
    bytes: Vec<u8>,
    digest: Digest,
}

impl Closure {
    /// The place of a package.
    fn place(&self, identity: &str) -> Option<usize> {
        self.state.iter().position(|state| state.identity == identity)
    }
}

impl Encoded {
    fn of<T: Serialize>(list: &T) -> Self {
        let bytes = encode(list);
        Self { digest: Digest::of(&bytes), bytes }
    }
}

/// The packages of one closure.
struct Closure {
    state: Arc<Packages>,
    encoded: Encoded,
    /// Whether compiles have seen the files as they are answered for.
    confirmed: bool,
    ids: Arc<[PackageId]>,
    health: HealthMemory,
    /// See [`Frame::interface`].
    interface: OnceLock<Option<Encoded>>,
    /// See [`Frame::reach`].
    reach: OnceLock<Option<[u8; 16]>>,
    /// Of each package all that its code comes from: its files, and those of what it imports, directly or not.
    origins: OnceLock<Vec<Answer>>,
}

/// Where the imports of main packages lead that have the same ones.
struct Ways {
    state: Arc<Packages>,
    encoded: Encoded,
    /// As of a [`Closure`].
    confirmed: bool,
}

type Cell<T> = Arc<OnceLock<T>>;

/// What is known of earlier builds, and what this one adds.
pub struct Reuse<'a> {
    shared: &'a Shared<'a>,
    store: &'a Store,
    answers: Answers<'a>,
    key: ActionKey,
    root: &'a Path,
    frames: Memory<Short, Cell<Option<Arc<Frame>>>>,
    questions: Memory<Short, Cell<Option<Arc<Questions>>>>,
    packages: Memory<Short, Cell<Option<Arc<Packages>>>>,
    closures: Memory<Vec<PackageId>, Cell<Arc<Closure>>>,
    ways: Memory<Vec<u32>, Cell<Arc<Ways>>>,
    imports: Memory<Vec<PackageId>, [u8; 16]>,
    /// Whether an interface is that of a closure still.
    interfaces: Memory<(Short, Digest), Cell<bool>>,
    /// The closures that files with these imports have.
    by_imports: Memory<[u8; 16], Arc<Closure>>,
    parts: Memory<Short, Cell<Option<Arc<OwnParts>>>>,
    lists: Memory<Short, Cell<Option<Lists>>>,
    whole: Memory<Short, Option<Digest>>,
    used: Memory<Short, Arc<UsedList>>,
    imported: Memory<(Short, Digest), Cell<Differences>>,
    /// How many lists were looked through and found as they were.
    found_same: AtomicUsize,
    numbered: Memory<Numbers, Arc<Numbered>>,
    /// The blobs that this build has handed to the store.
    handed: Memory<Digest, ()>,
    batch: Mutex<Batch>,
    /// What was in the way of [`Reuse::flush`].
    refused: Mutex<Option<StoreError>>,
    held: Mutex<Vec<Held>>,
    now: u64,
}

/// How many bytes wait before they are committed.
const COMMIT_BYTES: usize = 8 << 20;

impl<'a> Reuse<'a> {
    /// Reuse of what a store has; `now` is in seconds since 1970.
    #[must_use]
    pub fn new(
        shared: &'a Shared<'a>,
        store: &'a Store,
        answers: Answers<'a>,
        key: ActionKey,
        root: &'a Path,
        now: u64,
    ) -> Self {
        Self {
            shared,
            store,
            answers,
            key,
            root,
            frames: Memory::default(),
            questions: Memory::default(),
            packages: Memory::default(),
            closures: Memory::default(),
            ways: Memory::default(),
            imports: Memory::default(),
            interfaces: Memory::default(),
            by_imports: Memory::default(),
            parts: Memory::default(),
            lists: Memory::default(),
            whole: Memory::default(),
            used: Memory::default(),
            imported: Memory::default(),
            found_same: AtomicUsize::default(),
            numbered: Memory::default(),
            handed: Memory::default(),
            batch: Mutex::default(),
            refused: Mutex::default(),
            held: Mutex::default(),
            now,
        }
    }

    /// The records of stacks, newest first.
    pub(super) fn records(&self, stacks: &[&Stack]) -> Vec<Records> {
        let keys: Vec<Digest> = stacks.iter().map(|stack| self.key.of(stack)).collect();
        let values = self.store.records_of(&keys);
        values
            .iter()
            .map(|values| values.iter().filter_map(|value| self.record(value)).collect())
            .map(Records)
            .collect()
    }

    fn record(&self, bytes: &[u8]) -> Option<Record> {
        let (at, record): Kept<Record> = decode(bytes)?;
        let cell = self.frames.get_or(&at, Cell::default);
        let frame =
            cell.get_or_init(|| decode(&self.store.blob(&self.whole(&at)?)?).map(Arc::new)).clone()?;
        Some(Record { frame, ..record })
    }

    /// The artifact of a digest, if the store has it.
    pub(super) fn artifact(&self, digest: &Digest) -> Option<Vec<u8>> {
        self.store.blob(digest)
    }

    /// The first proof: a record all of whose questions have the same answers. `own` is what the stack itself asked and would be
    /// answered again, where somebody has looked.
    pub(super) fn unchanged(
        &self,
        stack: &Stack,
        folder: &Path,
        records: &Records,
        own: Option<Answer>,
    ) -> Option<Digest> {
        let record = records.0.iter().find(|record| {
            !record.warned
                && self.own_unchanged(folder, record, own)
                && self.shared_unchanged(record).is_some()
        })?;
        if let (Some(questions), Some(shared)) =
            (self.questions(&record.frame.questions), self.shared_unchanged(record))
        {
            self.hold(stack, record, questions, shared);
        }
        Some(digest(&record.artifact))
    }

    /// Remembers that a record holds for a stack.
    fn hold(&self, stack: &Stack, record: &Record, questions: Arc<Questions>, shared: [Arc<Packages>; 2]) {
        let (Some(at_packages), Some(at_ways)) =
            (self.whole(&record.frame.packages), self.whole(&record.frame.ways))
        else {
            return;
        };
        let [packages, ways] = shared;
        let files = record.files.iter().chain(&record.idle_files);
        let held = Held {
            stack: stack.path.clone(),
            asked: record.asked(),
            questions,
            files: files.map(|(question, _)| question.clone()).collect(),
            shared: [(at_packages, packages), (at_ways, ways)],
            group: GroupKey::of(record),
            artifact: digest(&record.artifact),
            located: record.location.is_some(),
        };
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push(held);
    }

    /// What the checkout is like after a build.
    #[must_use]
    pub fn survey(
        &self,
        request: &BuildRequest<'_>,
        report: &Report,
        out: &Path,
        began: u64,
    ) -> Option<Drawn> {
        let held = std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
        let drawing = Drawing {
            key: self.key.of_survey(self.root, out),
            monorepo: request.monorepo,
            world: self.shared.world,
            answers: &self.answers,
            own: Own::of(self.root, out),
            began,
            before: request.sweep,
            regrouped: &request.regrouped,
        };
        let is_news = request.sweep.is_none_or(|sweep| sweep.is_outdated(&held));
        let drawn = drawing.draw(held, request, report);
        if let (Some(Drawn::Anew(survey)), true) = (&drawn, is_news && self.is_shared()) {
            let mut batch = Batch::default();
            survey.offer(&self.key, &mut batch);
            self.add(batch);
        }
        drawn
    }

    /// Whether other checkouts may use the store.
    fn is_shared(&self) -> bool {
        self.store.folder() != Some(&*self.root.join(FOLDER))
    }

    fn own_unchanged(&self, folder: &Path, record: &Record, own: Option<Answer>) -> bool {
        let is_seen = own.is_some_and(|own| own == record.asked());
        self.is_here(record) && (is_seen || self.has_same_answers(folder, record))
    }

    /// Whether all that a stack itself asked has the same answers.
    fn has_same_answers(&self, folder: &Path, record: &Record) -> bool {
        let Some(questions) = self.questions(&record.frame.questions) else { return false };
        self.ask(&questions, folder) == record.answers
            && self.changed_files(folder, &record.files).next().is_none()
            && self.changed_files(folder, &record.idle_files).next().is_none()
    }

    /// The files that programs asked for, and for which the answer is another one now.
    fn changed_files<'r>(
        &self,
        folder: &Path,
        files: &'r [(Question, Answer)],
    ) -> impl Iterator<Item = &'r Question> {
        let changed = |(question, answer): &&(Question, Answer)| {
            self.answers.answer(&question.query(folder)) != *answer
        };
        files.iter().filter(changed).map(|(question, _)| question)
    }

    fn is_here(&self, record: &Record) -> bool {
        record.location.is_none_or(|root| root == self.root_answer())
    }

    fn ask(&self, questions: &[Question], from: &Path) -> Answer {
        joined(questions.iter().map(|question| self.answers.answer(&question.query(from))))
    }

    fn questions(&self, at: &Short) -> Option<Arc<Questions>> {
        let cell = self.questions.get_or(at, Cell::default);
        cell.get_or_init(|| decode(&self.store.blob(&self.whole(at)?)?).map(Arc::new)).clone()
    }

    /// The files that the packages had that a stack imported last, and the folders that were listed for them.
    pub(in crate::build) fn sources(&self, records: &Records) -> Vec<Query> {
        let packages =
            records.0.first().and_then(|record| self.store.blob(&self.whole(&record.frame.packages)?));
        let packages: Packages = packages.and_then(|bytes| decode(&bytes)).unwrap_or_default();
        let questions = packages.iter().flat_map(|package| &package.questions);
        let mut sources: Vec<Query> =
            questions.map(|question| question.query(self.root)).filter(is_of_sources).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// Finds out what is answered, for those who ask later.
    pub(in crate::build) fn answer(&self, query: &Query) {
        let _ = self.answers.answer(query);
    }

    /// Parses a file, for those who ask later.
    pub(in crate::build) fn parse_ahead(&self, path: &Path) {
        self.shared.program.parse_ahead(self.shared.world, path);
    }

    /// The packages of a record and where its imports lead, if all of that is as it was.
    fn shared_unchanged(&self, record: &Record) -> Option<[Arc<Packages>; 2]> {
        let packages = self.packages_unchanged(&record.frame.packages)?;
        Some([packages, self.packages_unchanged(&record.frame.ways)?])
    }

    /// The packages of a list, if all of them are as they were; asked once for all records that have the same.
    fn packages_unchanged(&self, at: &Short) -> Option<Arc<Packages>> {
        let unchanged = || {
            let packages: Packages = decode(&self.store.blob(&self.whole(at)?)?)?;
            let same = |package: &PackageState| self.ask(&package.questions, self.root) == package.answers;
            packages.iter().all(same).then(|| Arc::new(packages))
        };
        self.packages.get_or(at, Cell::default).get_or_init(unchanged).clone()
    }

    fn root_answer(&self) -> Answer {
        Answer::of(self.root.as_os_str().as_encoded_bytes())
    }

    /// A program that is loaded, with its fingerprints.
    pub(super) fn program<'p>(
        &self,
        unit: &'p CompileUnit,
        ready: &'p Ready,
        queries: &'p [Query],
    ) -> Program<'p> {
        let identity = |id| self.shared.program.identity(id, self.root);
        let fingerprints = fingerprints(&ready.code, self.shared.program, &identity);
        Program { unit, ready, queries, fingerprints }
    }

    /// The packages of a closure; put together once.
    fn closure(&self, ids: &[PackageId]) -> Arc<Closure> {
        let cell = self.closures.get_or(ids, Cell::default);
        Arc::clone(cell.get_or_init(|| Arc::new(self.new_closure(ids))))
    }

    fn new_closure(&self, ids: &[PackageId]) -> Closure {
        let mut confirmed = true;
        let mut state = Vec::with_capacity(ids.len());
        for id in ids {
            let queries: Vec<&Query> = self.shared.program.package(*id).queries.iter().collect();
            let identity = self.shared.program.identity(*id, self.root);
            let (package, seen) = self.package_state(identity, &queries);
            confirmed &= seen;
            state.push(package);
        }
        let encoded = Encoded::of(&state);
        Closure {
            state: Arc::new(state),
            encoded,
            confirmed,
            ids: ids.into(),
            health: HealthMemory::default(),
            interface: OnceLock::new(),
            reach: OnceLock::new(),
            origins: OnceLock::new(),
        }
    }

    /// What the code of a package comes from: see [`Closure::origins`].
    fn origin(&self, closure: &Closure, package: &str) -> Option<Answer> {
        let at = closure.place(package)?;
        closure.origins.get_or_init(|| self.origins(&closure.ids, &closure.state)).get(at).copied()
    }

    fn origins(&self, ids: &[PackageId], state: &[PackageState]) -> Vec<Answer> {
        let mut by_id: FxHashMap<PackageId, Answer> = FxHashMap::default();
        // Each comes after those that it imports.
        for (id, state) in ids.iter().zip(state) {
            let imports = &self.shared.program.package(*id).dependencies;
            let imports = imports.iter().filter_map(|(import, ..)| by_id.get(import).copied());
            let origin = joined([Answer::of(&encode(state))].into_iter().chain(imports));
            by_id.insert(*id, origin);
        }
        ids.iter().filter_map(|id| by_id.get(id).copied()).collect()
    }

    /// Where the imports of a main package lead; put together once for all that have the same.
    fn ways(&self, main: &Package) -> Arc<Ways> {
        let numbers: Vec<u32> = main.ways.iter().map(|way| way.number).collect();
        let cell = self.ways.get_or(&numbers, Cell::default);
        let new = || {
            // Not in the order of their numbers, which depends on who asked first.
            let queries: BTreeSet<&Query> = main.ways.iter().flat_map(|way| &way.queries).collect();
            let queries: Vec<&Query> = queries.into_iter().collect();
            let (state, confirmed) = self.package_state(String::new(), &queries);
            let state = vec![state];
            Arc::new(Ways { encoded: Encoded::of(&state), state: Arc::new(state), confirmed })
        };
        Arc::clone(cell.get_or_init(new))
    }

    /// What was asked for a package and answered; also whether compiles have seen that.
    fn package_state(&self, identity: String, queries: &[&Query]) -> (PackageState, bool) {
        let answers: Vec<Answer> = queries.iter().map(|query| self.answers.answer(query)).collect();
        let confirmed = queries.iter().all(|query| self.answers.confirmed(query).is_some());
        let questions = queries.iter().map(|query| Question::of(query, self.root)).collect();
        (PackageState { identity, questions, answers: joined(answers.into_iter()) }, confirmed)
    }

    /// Keeps a record whose trace still holds, with what was asked and answered this time.
    fn keep_again(
        &self,
        stack: &Stack,
        folder: &Path,
        record: &Record,
        program: &Program<'_>,
        closure: &Closure,
    ) {
        let Some(record) = self.with_packages(folder, record, program.unit, closure) else { return };
        self.keep(stack, folder, program, closure, |renewed| Record {
            frame: renewed.frame,
            answers: renewed.answers,
            warned: renewed.warned,
            ..record
        });
    }

    /// Keeps what an evaluation gave.
    pub(super) fn keep_evaluated(
        &self,
        stack: &Stack,
        folder: &Path,
        records: &Records,
        program: &Program<'_>,
        (digest, Compiled { text, trace, .. }): (Digest, &Compiled),
    ) {
        if !trace.volatile.is_empty() {
            return;
        }
        let closure = self.closure(&program.ready.main.closure);
        let files = |queries: &[Query]| {
            let seen = queries.iter().map(|it| Some((Question::of(it, folder), self.answers.confirmed(it)?)));
            seen.collect::<Option<Vec<_>>>()
        };
        let (Some(used), Some(idle)) = (files(&trace.queries), files(&trace.idle_queries)) else { return };
        let statements = program.fingerprints.get(program.statements()).map_or([0; 16], |it| it.0);
        let mut batch = Batch::default();
        let own = self.hand(&mut batch, &Encoded::of(&self.own_traced(program, trace))).short();
        let KeptImports { numbers, imported, values } =
            self.keep_imports(&mut batch, records, &closure, trace);
        self.put(&mut batch, digest, text.as_bytes());
        let artifact = *digest.as_bytes();
        self.add(batch);
        self.keep(stack, folder, program, &closure, |renewed| Record {
            frame: renewed.frame,
            answers: renewed.answers,
            statements,
            own,
            imported,
            numbers,
            values,
            options: options(program.unit, &trace.options),
            files: used,
            idle_options: options(program.unit, &trace.idle_options),
            idle_files: idle,
            // A selector may ask for what is in no output otherwise.
            coarse: trace.coarse || !program.unit.flags.selectors.is_empty(),
            location: trace.location.then(|| self.root_answer()),
            warned: renewed.warned,
            artifact,
        });
    }

    fn keep(
        &self,
        stack: &Stack,
        folder: &Path,
        program: &Program<'_>,
        closure: &Closure,
        record: impl FnOnce(Renewed) -> Record,
    ) {
        let confirmed = |query: &Query| self.answers.confirmed(query);
        let Some(answers) = program.queries.iter().map(confirmed).collect::<Option<Vec<_>>>() else { return };
        let ways = self.ways(&program.ready.main.package);
        if !closure.confirmed || !ways.confirmed {
            return;
        }
        let mut batch = Batch::default();
        let questions: Questions = program.queries.iter().map(|query| Question::of(query, folder)).collect();
        let warned = !program.ready.warnings.is_empty();
        let interface = self.interface(&program.ready.code, closure);
        let frame = Arc::new(Frame {
            unit: unit_answer(program.unit, folder),
            questions: self.hand(&mut batch, &Encoded::of(&questions)).short(),
            packages: self.hand(&mut batch, &closure.encoded).short(),
            ways: self.hand(&mut batch, &ways.encoded).short(),
            imports: self.imports(program.unit, program.ready),
            interface: interface.map(|it| self.hand(&mut batch, it).short()),
            reach: self.reach_of(closure),
        });
        let record = record(Renewed { frame, answers: joined(answers.into_iter()), warned });
        if !warned {
            let shared = [Arc::clone(&closure.state), Arc::clone(&ways.state)];
            let cell = self.questions.get_or(&record.frame.questions, Cell::default);
            let questions = Arc::new(questions);
            // The store may have lost the list of another one.
            let known = cell.get_or_init(|| Some(Arc::clone(&questions))).clone();
            self.hold(stack, &record, known.unwrap_or(questions), shared);
        }
        self.put_record(&mut batch, stack, &record);
        self.add(batch);
    }

    fn put_record(&self, batch: &mut Batch, stack: &Stack, record: &Record) {
        let frame = self.hand(batch, &Encoded::of(&*record.frame)).short();
        let kept: Kept<&Record> = (frame, record);
        batch.record(self.key.of(stack), encode(&kept));
    }

    /// The fingerprint of a value of a package.
    fn value(
        &self,
        id: PackageId,
        name: &PartName,
        known: &FxHashMap<Used, Fingerprint>,
    ) -> Option<Fingerprint> {
        let used = match name.part() {
            Part::Variable(name) => Used::Variable(id, *self.shared.program.code(id)?.slots.get(&name)?),
            _ => Used::Statements(id),
        };
        known.get(&used).copied()
    }

    /// What a trace has that no record of the stack names with the same fingerprint, for people.
    pub(super) fn missing(
        &self,
        folder: &Path,
        records: &Records,
        program: &Program<'_>,
        trace: &Trace,
    ) -> Vec<String> {
        let (own, imported) = (self.own_traced(program, trace), self.imported_traced(trace));
        let known_own: Vec<Arc<OwnParts>> = records.0.iter().filter_map(|it| self.own_parts(it)).collect();
        let lists: Vec<_> = records.0.iter().filter_map(|it| self.used_by(&it.imported)).flatten().collect();
        let known_own =
            |used: &(PartName, [u8; 16])| known_own.iter().any(|parts| parts.all().any(|it| it == used));
        let own = own.all().filter(|used| !known_own(used)).map(|(name, _)| format!("`{}`", name.part()));
        let imported = imported.iter().flat_map(|list| {
            let used = &list.used;
            let known = lists.iter().find(|list| list.package == used.package);
            let unknown = used.beyond(known.map(|list| &**list));
            unknown.map(|name| format!("`{}` of `{}`", name.part(), shown(&used.package)))
        });
        let asked = |query: &&Query| {
            let question = Question::of(query, folder);
            !records.0.iter().any(|record| record.files.iter().any(|(other, _)| *other == question))
        };
        let files = trace.queries.iter().filter(asked);
        let files = files.map(|query| format!("`{}`", Question::of(query, folder).subject()));
        own.chain(imported).chain(files).collect()
    }

    /// Puts a list that many stacks have into a batch, unless one of them has done so.
    fn hand(&self, batch: &mut Batch, list: &Encoded) -> Digest {
        self.handed.get_or(&list.digest, || self.put(batch, list.digest, &list.bytes));
        // The store knows it only once it is committed.
        self.whole.get_or(&list.digest.short(), || Some(list.digest));
        list.digest
    }

    /// Puts a blob into a batch. To ask whether the store has it costs a tenth of compressing it.
    fn put(&self, batch: &mut Batch, digest: Digest, bytes: &[u8]) {
        if self.store.has_blob(&digest) { batch.used(digest) } else { batch.blob_of(digest, bytes) }
    }

    fn add(&self, more: Batch) {
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        batch.extend(more);
        if batch.bytes() > COMMIT_BYTES {
            let full = std::mem::take(&mut *batch);
            drop(batch);
            // The store has said why it takes nothing more; the build goes on without.
            self.store.commit(full, self.now).ok();
        }
    }

    /// Commits what is left so far; what was in the way of that is said in the end.
    pub fn flush(&self) {
        let batch = std::mem::take(&mut *self.batch.lock().unwrap_or_else(PoisonError::into_inner));
        if let Err(error) = self.store.commit(batch, self.now) {
            self.refused.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    /// Commits what is left, and says what was in the way of that or of an earlier [`Reuse::flush`].
    ///
    /// # Errors
    /// Where the store cannot be written.
    pub(super) fn commit(&self) -> Result<(), StoreError> {
        self.flush();
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        refused.map_or(Ok(()), Err)
    }

    /// Commits what is left; gives what is known of files for the next build.
    pub(super) fn finish(self, started: u64, partial: bool) -> (Result<(), StoreError>, Known) {
        (self.commit(), self.answers.into_known(started, partial))
    }
}

/// Whether a query is for what a file of a package says, or for which files there are.
fn is_of_sources(query: &Query) -> bool {
    match query {
        Query::Content(path) => marks::is_program(path),
        Query::Folder(_) => true,
        Query::IsFile(_) | Query::Glob(..) => false,
    }
}

/// The values that some lists name of packages, as one digest; none where there are none, or one is not known.
fn values_of<'l>(
    lists: impl Iterator<Item = (&'l UsedParts, Option<PackageId>)>,
    value: impl Fn(PackageId, &PartName) -> Option<Fingerprint>,
) -> Option<Answer> {
    let mut values = Vec::new();
    for (list, package) in lists {
        for name in &list.values {
            values.push(Answer(value(package?, name)?.0));
        }
    }
    (!values.is_empty()).then(|| joined(values.into_iter()))
}

/// What a unit says besides its files and options.
fn unit_answer(unit: &CompileUnit, folder: &Path) -> Answer {
    let root = unit.module_root.as_deref().map(|root| paths::relative(folder, root));
    Answer::of(format!("{root:?} {:?}", unit.flags).as_bytes())
}

fn option_value<'u>(unit: &'u CompileUnit, name: &str) -> Option<&'u str> {
    unit.options.iter().rev().find(|(option, _)| option == name).map(|(_, value)| value.as_str())
}

/// The options that have another value now.
fn changed_options<'r>(
    unit: &CompileUnit,
    options: &'r [(String, Option<String>)],
) -> impl Iterator<Item = &'r str> {
    let changed = |(name, value): &&(String, Option<String>)| option_value(unit, name) != value.as_deref();
    options.iter().filter(changed).map(|(name, _)| name.as_str())
}

/// Options with their values.
fn options(unit: &CompileUnit, names: &[String]) -> Vec<(String, Option<String>)> {
    names.iter().map(|name| (name.clone(), option_value(unit, name).map(str::to_owned))).collect()
}

/// A package for people: its module and path without the empty parts.
fn shown(identity: &str) -> String {
    let parts: Vec<&str> = identity.split(':').filter(|part| !part.is_empty()).collect();
    parts.join(":")
}
