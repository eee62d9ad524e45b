//! What the result of a run depends on.
//!
//! A run evaluates the statements of all imported packages, used or not. So what a statement of an imported package
//! uses is noted under that statement, and counts only if something that counts reads a variable that it sets; what
//! the main package uses counts at once. Schemas and lambdas have no list of their own: their code runs for whoever
//! instantiates or calls them. What checks use is noted apart: they make nothing, so it decides only whether there is a result.
//!
//! Invariant: whatever is kept beyond the statement that made it (globals, the output) is noted with the statement it
//! comes from when it is read or kept. Values that are handed on are held by somebody who has noted where they are from.

mod early;

use std::cell::Cell;

use bumpalo::Bump;
use indexmap::IndexSet;
use rustc_hash::{FxBuildHasher, FxHashMap, FxHashSet};
use syntax::Symbol;

pub(super) use self::early::Early;
use super::Run;
use super::bits::Bits;
use super::order::OrderTracer;
use super::plain::Plain;
use super::used::Used;
use crate::lower::code::{GlobalKind, Layout, PackageCode, StmtId};
use crate::lower::fingerprint::{Fingerprint, Names};
use crate::lower::{Codes, RULE};
use crate::package::PackageId;
use crate::stdlib::Volatile;
use crate::value::{Key, SchemaId, Value, Watch};
use crate::world::Query;

/// What the result of a run depends on, besides the statements of its main package, which always count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// What it used of the program, package by package.
    pub parts: Vec<Used>,
    /// What only checks used of it, the checks themselves among that, package by package.
    pub checks: Vec<Used>,
    /// The values that it read of imported packages, where these are plain data: of variables, and what the statements of a
    /// package said the output is.
    pub values: Vec<(Used, Fingerprint)>,
    /// What only made these values: it counts where they are not what they were.
    pub behind: Vec<Used>,
    /// The options that it asked for, given or not, sorted.
    pub options: Vec<String>,
    /// What it asked of the files beside its sources, sorted.
    pub queries: Vec<Query>,
    /// Whether it depends on more than single declarations tell: on all instances of all packages, or on the file that a
    /// declaration is in. Then it holds as long as no file changes.
    pub coarse: bool,
    /// Whether it depends on where the files are.
    pub location: bool,
    /// What made it depend on more than its inputs, sorted.
    pub volatile: Vec<Volatile>,
    /// The options and files that only statements asked for whose variables nobody reads: whether the packages can be
    /// evaluated may depend on them, but not the result.
    pub idle_options: Vec<String>,
    /// See `idle_options`.
    pub idle_queries: Vec<Query>,
}

/// Anything that is noted; options and queries by their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Note {
    Part(Used),
    Option(u32),
    Query(u32),
    Coarse,
    Location,
    Volatile(Volatile),
}

/// What a run has noted, while its values are still looked at.
pub struct Uses<'r> {
    tracer: Tracer<'r>,
    main: &'r PackageCode,
    codes: &'r dyn Codes,
    /// Whether the variables are the output.
    shown: bool,
    plain: Plain,
}

impl<'r> Uses<'r> {
    pub(super) fn new(
        tracer: Tracer<'r>,
        main: &'r PackageCode,
        codes: &'r dyn Codes,
        shown: bool,
        plain: Plain,
    ) -> Self {
        Self { tracer, main, codes, shown, plain }
    }

    /// What the result depends on.
    #[must_use]
    pub fn finish(self) -> Trace {
        let order = Used::Order(self.main.id, self.tracer.order.seen(self.main));
        let mut trace = self.tracer.finish(self.main.id, self.codes, &self.plain);
        let shown = self.shown.then_some(Used::Names(self.main.id));
        // The main package is the last one in order.
        trace.parts.extend(shown.into_iter().chain([order]));
        trace
    }
}

/// What is noted under a statement; the first list is that of the main package.
#[derive(Default)]
struct List {
    /// By their numbers.
    notes: Bits,
    package: Option<PackageId>,
    /// The list of what checks use meanwhile.
    checks: Option<u32>,
    /// Whether it is such a list.
    of_checks: bool,
}

/// In the turns of which mixins something happened.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turns {
    One(SchemaId),
    Several,
}

/// A walk over what counts.
#[derive(Default)]
struct Walk<'p> {
    /// The numbers of notes.
    found: Bits,
    /// The lists that it has been to.
    walked: Bits,
    /// Values behind which it does not look.
    plain: Option<&'p Plain>,
    /// Those that it has met.
    values: FxHashSet<Used>,
    /// The walk that it goes on from; what that has found is no news. It looks at all then, checks too.
    before: Option<&'p Walk<'p>>,
}

impl<'p> Walk<'p> {
    fn find(&mut self, note: u32) -> bool {
        let is_known = self.before.is_some_and(|before| before.found.contains(note));
        !is_known && self.found.insert(note)
    }

    fn enter(&mut self, list: u32) -> bool {
        let is_known = self.before.is_some_and(|before| before.walked.contains(list));
        !is_known && self.walked.insert(list)
    }

    /// The schemas of the instances in a value, if it is one behind which it does not look.
    fn meet(&mut self, value: Used) -> Option<&'p [SchemaId]> {
        let plain = self.plain?.get(&value)?;
        self.values.insert(value);
        Some(&plain.schemas)
    }
}

/// How many of the last notes are remembered, so that what is used again and again is not looked up each time.
const RECENT: usize = 256;

/// How many notes there is room for from the beginning: as many as fit into a hash table of 1,024 places.
const USUAL: usize = 896;

/// What numbers are multiplied with so that their first bits differ: 2^64 over the golden ratio.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// Notes what a run uses.
pub(super) struct Tracer<'r> {
    /// Whether only what makes the result depend on more than its inputs is noted.
    idle: bool,
    /// What instances watch then.
    blank: Option<&'r Watch<'r>>,
    /// All that was noted, each once; its place is its number.
    notes: IndexSet<Note, FxBuildHasher>,
    lists: Vec<List>,
    /// What is made of instances, by what made them and of which schema.
    watches: FxHashMap<(u32, SchemaId), Vec<&'r Watch<'r>>>,
    /// Room for the slots that an instance sets.
    slots: Vec<u32>,
    of_stmt: FxHashMap<StmtId, u32>,
    /// The lists of quiet defaults, by the schemas whose instances they are set up in. They count with the attributes.
    of_defaults: FxHashMap<SchemaId, Vec<(Key<'static>, u32)>>,
    /// The list of the statement that runs.
    top: u32,
    recent: Box<[(u32, Option<Note>); RECENT]>,
    options: Vec<String>,
    queries: Vec<Query>,
    effects: Vec<PackageId>,
    /// Imported packages in which a read gave something half done.
    pub(super) entangled: Vec<PackageId>,
    /// Once the imported packages have been evaluated: what they have said that the output is.
    imported: Option<Option<Fingerprint>>,
    /// Whether statements of imported packages have run after that.
    late: bool,
    /// What others than the statements that set a variable got of it before the packages were done.
    early: FxHashMap<Used, Early<'r>>,
    /// The schemas of which somebody asked for all instances, in the order in which they were made.
    listed: FxHashSet<SchemaId>,
    /// By which of a schema's several mixins, the second one, instances of another, the first one, were made or listed.
    mixed: FxHashMap<(SchemaId, SchemaId), Turns>,
    pub(super) order: OrderTracer,
}

impl<'r> Tracer<'r> {
    /// A tracer that notes all that is used, or next to nothing.
    pub(super) fn new(traced: bool, main: &PackageCode) -> Self {
        Self {
            idle: !traced,
            blank: None,
            notes: IndexSet::with_capacity_and_hasher(if traced { USUAL } else { 0 }, FxBuildHasher),
            lists: vec![List::default()],
            watches: FxHashMap::default(),
            slots: Vec::new(),
            of_stmt: FxHashMap::default(),
            of_defaults: FxHashMap::default(),
            top: 0,
            recent: Box::new([(0, None); RECENT]),
            options: Vec::new(),
            queries: Vec::new(),
            effects: Vec::new(),
            entangled: Vec::new(),
            imported: None,
            late: false,
            early: FxHashMap::default(),
            listed: FxHashSet::default(),
            mixed: FxHashMap::default(),
            order: if traced { OrderTracer::new(main) } else { OrderTracer::default() },
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.idle
    }

    #[inline]
    pub(super) fn part(&mut self, used: Used) {
        if !self.idle {
            self.note_part(used);
        }
    }

    fn note_part(&mut self, used: Used) {
        let place = (used.mixed().wrapping_mul(SPREAD) >> (u64::BITS - RECENT.trailing_zeros())) as usize;
        let note = Note::Part(used);
        if self.recent[place] == (self.top, Some(note)) {
            return;
        }
        self.recent[place] = (self.top, Some(note));
        self.note(note);
    }

    fn note(&mut self, note: Note) {
        if self.idle && !matches!(note, Note::Volatile(_)) {
            return;
        }
        self.note_under(self.top, note);
    }

    fn note_under(&mut self, list: u32, note: Note) {
        let number = self.number(note);
        self.lists[list as usize].notes.insert(number);
    }

    fn number(&mut self, note: Note) -> u32 {
        self.notes.insert_full(note).0 as u32
    }

    pub(super) fn option(&mut self, name: &str) {
        let at = place_of(&mut self.options, |option| option == name, || name.to_owned());
        self.note(Note::Option(at));
    }

    pub(super) fn query(&mut self, query: Query) {
        let at = place_of(&mut self.queries, |known| *known == query, || query.clone());
        self.note(Note::Query(at));
    }

    pub(super) fn coarse(&mut self) {
        self.note(Note::Coarse);
    }

    pub(super) fn location(&mut self) {
        self.note(Note::Location);
    }

    pub(super) fn volatile(&mut self, what: Volatile) {
        self.note(Note::Volatile(what));
    }

    /// Somebody asked for all instances of a schema.
    pub(super) fn asked_instances(&mut self, of: SchemaId) {
        self.order.asked(of);
        self.listed.insert(of);
    }

    /// An instance is made or listed in the turn of one of a schema's mixins. Without one it depends on the order of these
    /// in any case where it is in the list, or what it is listed as.
    pub(super) fn listed_by_mixins(&mut self, listed: SchemaId, mixed: SchemaId, turn: Option<SchemaId>) {
        let turn = turn.map_or(Turns::Several, Turns::One);
        let known = self.mixed.entry((listed, mixed)).or_insert(turn);
        if *known != turn {
            *known = Turns::Several;
        }
    }

    /// What the statement that runs does counts, whether or not somebody reads its variables.
    pub(super) fn effect(&mut self) {
        self.order.spoke();
        if let Some(package) = self.lists[self.top as usize].package {
            self.effects.push(package);
            self.note_under(0, Note::Part(Used::Statements(package)));
        }
    }

    /// The imported packages have been evaluated, and this is the output so far.
    pub(super) fn imported(&mut self, output: Option<&str>) {
        self.imported = Some(output.map(|output| Fingerprint::of(output.as_bytes())));
    }

    /// What the packages have said that the output is, if this one has a part in it. Where its statements count for their order, too,
    /// they are no value.
    pub(super) fn said_by(&self, package: PackageId) -> Option<Fingerprint> {
        self.imported
            .flatten()
            .filter(|_| self.effects.contains(&package) && !self.entangled.contains(&package))
    }

    /// What was read of imported packages; nothing where they have not been what they were from the beginning.
    pub(super) fn read_of_packages(&self, main: PackageId) -> Vec<Used> {
        if self.late {
            return Vec::new();
        }
        self.notes.iter().filter_map(read_in).filter(|used| used.package() != main).collect()
    }

    /// The list of a statement becomes that of what runs; gives the one before.
    fn enter(&mut self, package: PackageId, stmt: StmtId) -> u32 {
        self.late |= self.imported.is_some();
        let next = self.lists.len() as u32;
        let at = *self.of_stmt.entry(stmt).or_insert(next);
        if at == next {
            self.lists.push(List { package: Some(package), ..List::default() });
        }
        std::mem::replace(&mut self.top, at)
    }

    /// The list of a default becomes that of what runs; gives the one before.
    fn enter_default(&mut self, schema: SchemaId, attr: Key<'static>) -> u32 {
        let next = self.lists.len() as u32;
        let known = self.of_defaults.entry(schema).or_default();
        let at = known.iter().find(|(default, _)| *default == attr).map(|(_, at)| *at);
        let at = at.unwrap_or_else(|| {
            known.push((attr, next));
            self.lists.push(List::default());
            next
        });
        std::mem::replace(&mut self.top, at)
    }

    /// The list of the main package becomes that of what runs; gives the one before.
    fn enter_main(&mut self) -> u32 {
        std::mem::replace(&mut self.top, 0)
    }

    /// The list of what checks use becomes that of what runs; gives the one before.
    fn enter_checks(&mut self) -> u32 {
        let next = self.lists.len() as u32;
        let List { package, of_checks, checks, .. } = &mut self.lists[self.top as usize];
        if self.idle || *of_checks {
            return self.top;
        }
        let (package, at) = (*package, *checks.get_or_insert(next));
        if at == next {
            self.lists.push(List { package, of_checks: true, ..List::default() });
        }
        std::mem::replace(&mut self.top, at)
    }

    /// Whether checks run.
    pub(super) fn is_checking(&self) -> bool {
        self.lists[self.top as usize].of_checks
    }

    /// What instances of a schema that the running statement makes watch, if they set these quiet slots.
    fn watch(
        &mut self,
        arena: &'r Bump,
        schema: SchemaId,
        layout: &Layout,
        set: impl Iterator<Item = u32>,
    ) -> &'r Watch<'r> {
        let mut slots = std::mem::take(&mut self.slots);
        slots.clear();
        slots.extend(set);
        slots.sort_unstable();
        slots.dedup();
        let watch = self.watch_of(arena, schema, layout, &slots);
        self.slots = slots;
        watch
    }

    fn watch_of(
        &mut self,
        arena: &'r Bump,
        schema: SchemaId,
        layout: &Layout,
        slots: &[u32],
    ) -> &'r Watch<'r> {
        let known = self.watches.entry((self.top, schema)).or_default();
        if let Some(watch) = known.iter().find(|watch| watch.keys == slots) {
            return watch;
        }
        let names = Names::of(slots.iter().map(|slot| layout.slots[*slot as usize].name));
        let left = layout
            .slots
            .iter()
            .enumerate()
            .filter(|(at, slot)| slot.default && !slots.contains(&(*at as u32)));
        let defaults: Vec<Symbol> = left.map(|(_, slot)| slot.name).collect();
        let watch = arena.alloc(Watch {
            defaults: arena.alloc_slice_copy(&defaults),
            maker: self.top,
            schema,
            keys: arena.alloc_slice_copy(slots),
            names: names.joined(),
            listed: Cell::new(false),
            shown: Cell::new(false),
        });
        known.push(watch);
        if !slots.is_empty() {
            self.part(Used::Keys(PackageId(schema.package), schema.schema, names));
        }
        watch
    }

    /// What instances watch of which nobody wants to know what is done with them.
    fn blank(&mut self, arena: &'r Bump, schema: SchemaId) -> &'r Watch<'r> {
        self.blank.get_or_insert_with(|| {
            arena.alloc(Watch {
                defaults: &[],
                maker: 0,
                schema,
                keys: &[],
                names: Symbol::new(""),
                listed: Cell::new(false),
                shown: Cell::new(false),
            })
        })
    }

    /// Notes what became of instances under what made them: whoever has one has noted where it is from.
    fn note_watches(&mut self) {
        // What is noted has no order.
        #[allow(clippy::iter_over_hash_type)]
        for watch in std::mem::take(&mut self.watches).into_values().flatten() {
            let SchemaId { package, schema } = watch.schema;
            let package = PackageId(package);
            if watch.listed.get() {
                self.note_under(watch.maker, Note::Part(Used::Listed(package, schema)));
            } else if watch.shown.get() {
                // The defaults are in what is shown; but this way it can be told which one changed.
                for name in watch.defaults {
                    self.note_under(watch.maker, Note::Part(Used::Attr(package, schema, *name)));
                }
                let names = Names::from(watch.names);
                self.note_under(watch.maker, Note::Part(Used::Shown(package, schema, names)));
            }
        }
    }

    /// What all that counts has noted, directly or through the variables that it reads; what made plain values apart.
    fn finish(mut self, main: PackageId, codes: &dyn Codes, plain: &Plain) -> Trace {
        self.note_watches();
        let mut used = Walk { plain: Some(plain), ..Walk::default() };
        self.walk(vec![0], main, codes, &mut used);
        let behind = self.behind(&used, main, codes);
        let mut checks = Walk { before: Some(&used), ..Walk::default() };
        let lists = used.walked.iter().filter_map(|list| self.lists[list as usize].checks).collect();
        self.walk(lists, main, codes, &mut checks);
        self.find_checks(&mut checks, true);
        let (mut behind, mut checks) = (behind.found, checks.found);

        let Walk { mut found, values, .. } = used;
        // Only of parts it is known that checks alone use them, or what made a value.
        for others in [&behind, &checks] {
            others.iter().filter(|note| self.part_of(*note).is_none()).for_each(|note| {
                found.insert(note);
            });
        }
        for note in self.mixins(&[&found, &behind, &checks]) {
            let note = self.number(note);
            found.insert(note);
            behind.remove(note);
            checks.remove(note);
        }
        let is_idle = |note: &u32| {
            !found.contains(*note) && matches!(self.notes[*note as usize], Note::Option(_) | Note::Query(_))
        };
        let idle = self.sorted((0..self.notes.len() as u32).filter(is_idle));
        let (behind, checks) = (self.sorted(behind.iter()).parts, self.sorted(checks.iter()).parts);
        let mut values: Vec<(Used, Fingerprint)> =
            values.into_iter().filter_map(|value| Some((value, plain.get(&value)?.fingerprint))).collect();
        values.sort_unstable_by_key(|(value, _)| (value.package(), *value));
        let (idle_options, idle_queries) = (idle.options, idle.queries);
        Trace { values, behind, checks, idle_options, idle_queries, ..self.sorted(found.iter()) }
    }

    /// What made the values that a walk has met. The checks of that are passed where these packages can be evaluated.
    fn behind<'p>(&mut self, used: &'p Walk<'p>, main: PackageId, codes: &dyn Codes) -> Walk<'p> {
        let mut behind = Walk { before: Some(used), ..Walk::default() };
        if used.values.is_empty() {
            return behind;
        }
        let mut values: Vec<Used> = used.values.iter().copied().collect();
        values.sort_unstable();
        let made_by = |value: &Used| self.made_by(*value, main, codes, &mut behind);
        let lists = values.iter().flat_map(made_by).collect();
        self.walk(lists, main, codes, &mut behind);
        for value in values {
            behind.found.insert(self.number(Note::Part(value)));
        }
        self.find_checks(&mut behind, false);
        behind
    }

    /// Finds the checks of the schemas, rules and lambdas that a walk has found, as far as these are some that count.
    fn find_checks(&mut self, walk: &mut Walk<'_>, of_before: bool) {
        let before = walk.before.filter(|_| of_before).map(|before| &before.found);
        let schemas = before.into_iter().chain([&walk.found]).flat_map(Bits::iter);
        let checks = schemas.filter_map(|note| match self.part_of(note)? {
            Used::Schema(package, at) => Some(Used::Checks(package, at)),
            Used::Rule(package, at) => Some(Used::Checks(package, at | RULE)),
            Used::Lambda(package, at) => Some(Used::Asserts(package, at)),
            _ => None,
        });
        let checks: Vec<Used> = checks.collect();
        for part in checks {
            walk.find(self.number(Note::Part(part)));
        }
    }

    fn part_of(&self, note: u32) -> Option<Used> {
        match self.notes[note as usize] {
            Note::Part(used) => Some(used),
            _ => None,
        }
    }

    /// Finds what lists have noted, and the lists of statements that set what is read.
    fn walk(&mut self, mut lists: Vec<u32>, main: PackageId, codes: &dyn Codes, into: &mut Walk<'_>) {
        lists.iter().for_each(|list| {
            into.walked.insert(*list);
        });
        while let Some(list) = lists.pop() {
            let List { notes, checks, .. } = &mut self.lists[list as usize];
            lists.extend(checks.filter(|list| into.before.is_some() && into.enter(*list)));
            let notes = std::mem::take(notes);
            for number in notes.iter() {
                let note = self.notes[number as usize];
                if let Some(schemas) = read_in(&note).and_then(|used| into.meet(used)) {
                    for SchemaId { package, schema } in schemas {
                        into.find(self.number(Note::Part(Used::Schema(PackageId(*package), *schema))));
                    }
                    continue;
                }
                if !into.find(number) {
                    continue;
                }
                let Note::Part(used) = note else { continue };
                // Most parts stand for no list.
                let behind = match used {
                    Used::Variable(..) | Used::Statements(_) => self.made_by(used, main, codes, into),
                    Used::Attr(..) | Used::Listed(..) => self.defaults_of(used).collect(),
                    _ => continue,
                };
                lists.extend(behind.into_iter().filter(|list| into.enter(*list)));
            }
            self.lists[list as usize].notes = notes;
        }
    }

    /// The schemas that count whose order of mixins somebody has seen in a list of instances.
    fn mixins(&self, found: &[&Bits]) -> Vec<Note> {
        // What is noted has no order.
        #[allow(clippy::iter_over_hash_type)]
        let seen = self
            .mixed
            .iter()
            .filter(|((listed, _), turns)| **turns == Turns::Several && self.listed.contains(listed));
        let ids = seen.map(|((_, mixed), _)| (PackageId(mixed.package), mixed.schema));
        let counts = |(package, at): &(PackageId, u32)| {
            let note = self.notes.get_index_of(&Note::Part(Used::Schema(*package, *at)));
            note.is_some_and(|note| found.iter().any(|found| found.contains(note as u32)))
        };
        ids.filter(counts).map(|(package, at)| Note::Part(Used::Mixins(package, at))).collect()
    }

    /// The lists of the statements that a part stands for. A variable that several statements set depends on the
    /// order of all statements of its package, which is found then.
    fn made_by(&mut self, used: Used, main: PackageId, codes: &dyn Codes, into: &mut Walk<'_>) -> Vec<u32> {
        let package = used.package();
        let setters = match used {
            _ if package == main => return Vec::new(),
            Used::Statements(_) => None,
            Used::Variable(_, slot) => {
                let kind = codes.code(package).and_then(|code| Some(&code.globals.get(slot as usize)?.kind));
                let Some(GlobalKind::Variable(setters)) = kind else { return Vec::new() };
                Some(&**setters)
            }
            _ => return Vec::new(),
        };
        if let Some([only]) = setters
            && only.stop.is_none()
        {
            return self.of_stmt.get(&only.id).copied().into_iter().collect();
        }
        into.find(self.number(Note::Part(Used::Statements(package))));
        let of_package = |at: &usize| {
            let list = &self.lists[*at];
            list.package == Some(package) && !list.of_checks
        };
        (0..self.lists.len()).filter(of_package).map(|at| at as u32).collect()
    }

    /// The lists of the defaults that a part stands for.
    fn defaults_of(&self, used: Used) -> impl Iterator<Item = u32> {
        let (schema, only) = match used {
            Used::Attr(package, at, name) => (Some((package, at)), Some(Key::from(name))),
            Used::Listed(package, at) => (Some((package, at)), None),
            _ => (None, None),
        };
        let id = schema.map(|(package, schema)| SchemaId { package: package.0, schema });
        let all = id.and_then(|id| self.of_defaults.get(&id)).into_iter().flatten();
        all.filter(move |(attr, _)| only.is_none_or(|only| only == *attr)).map(|(_, list)| *list)
    }

    fn sorted(&self, found: impl Iterator<Item = u32>) -> Trace {
        let mut trace = Trace::default();
        let mut parts = Vec::with_capacity(USUAL);
        for number in found {
            match self.notes[number as usize] {
                Note::Part(used) => {
                    let order = u128::from(used.package().0) << u64::BITS | u128::from(used.rank());
                    parts.push(order << u32::BITS | u128::from(number));
                }
                Note::Option(at) => trace.options.push(self.options[at as usize].clone()),
                Note::Query(at) => trace.queries.push(self.queries[at as usize].clone()),
                Note::Coarse => trace.coarse = true,
                Note::Location => trace.location = true,
                Note::Volatile(what) => trace.volatile.push(what),
            }
        }
        // Plain numbers, with that of the note at the end, are sorted with the least effort.
        parts.sort_unstable();
        trace.parts.extend(parts.iter().filter_map(|number| self.part_of(*number as u32)));
        let mut done = 0;
        for same in parts.chunk_by(|one, other| one >> u32::BITS == other >> u32::BITS) {
            let next = done + same.len();
            if same.len() > 1 {
                trace.parts[done..next].sort_unstable_by_key(|used| used.name());
            }
            done = next;
        }
        trace.options.sort_unstable();
        trace.queries.sort_unstable();
        trace.volatile.sort_unstable();
        trace
    }

    /// Everything that was noted by anybody.
    pub(super) fn all(&mut self) -> Trace {
        self.note_watches();
        self.sorted(0..self.notes.len() as u32)
    }

    /// The packages whose statements have said what the output is, in order.
    pub(super) fn effects(self) -> Vec<PackageId> {
        self.effects
    }
}

/// A variable that was read, or statements that said what the output is.
fn read_in(note: &Note) -> Option<Used> {
    match note {
        Note::Part(used @ (Used::Variable(..) | Used::Statements(_))) => Some(*used),
        _ => None,
    }
}

/// The place of something in a short list, at the end of which it is put where it is new.
fn place_of<T>(list: &mut Vec<T>, is: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> u32 {
    let at = list.iter().position(is).unwrap_or_else(|| {
        list.push(make());
        list.len() - 1
    });
    at as u32
}

impl<'r> Run<'r> {
    /// What an instance watches that sets these quiet slots.
    pub(super) fn watch(
        &mut self,
        schema: SchemaId,
        layout: &Layout,
        slots: impl IntoIterator<Item = u32>,
    ) -> &'r Watch<'r> {
        if self.tracer.idle {
            return self.tracer.blank(self.arena, schema);
        }
        self.tracer.watch(self.arena, schema, layout, slots.into_iter())
    }

    /// Runs a statement of a package; what it uses is noted under it, unless the package is the main one.
    pub(super) fn traced<T>(
        &mut self,
        package: PackageId,
        stmt: StmtId,
        run: impl FnOnce(&mut Self) -> T,
    ) -> T {
        if self.tracer.idle {
            return run(self);
        }
        let main = package == self.main.id;
        let around = if main { self.tracer.enter_main() } else { self.tracer.enter(package, stmt) };
        let result = if main { self.in_order(stmt, run) } else { run(self) };
        self.tracer.top = around;
        result
    }

    /// Evaluates a quiet default; what it uses is noted under it.
    pub(super) fn for_default<T>(
        &mut self,
        schema: SchemaId,
        attr: Key<'static>,
        run: impl FnOnce(&mut Self) -> T,
    ) -> T {
        if self.tracer.idle {
            return run(self);
        }
        let around = self.tracer.enter_default(schema, attr);
        let result = run(self);
        self.tracer.top = around;
        result
    }

    /// Runs checks; what they use is noted apart.
    pub(super) fn checking<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let around = self.tracer.enter_checks();
        let result = run(self);
        self.tracer.top = around;
        result
    }

    /// Notes that a variable was read.
    pub(super) fn used_variable(&mut self, package: PackageId, slot: u32) {
        if package != self.main.id || self.inert.get(slot as usize).is_some_and(|inert| *inert) {
            self.tracer.part(Used::Variable(package, slot));
        }
    }

    /// Notes that an instance was made, or that a dict was held against the schema.
    pub(super) fn used_schema(&mut self, id: SchemaId) {
        self.tracer.part(Used::Schema(PackageId(id.package), id.schema));
    }

    /// Notes that a key was looked for in a value, which may be an instance, or a dict that has the attributes of one.
    #[inline]
    pub(super) fn looked_for(&mut self, value: Value<'_>, key: Key<'_>) {
        match value {
            _ if self.tracer.idle => {}
            Value::Instance(instance) => self.used_attr(instance.watch, key),
            Value::Dict(dict) => dict.unpacked().into_iter().for_each(|watch| self.used_attr(watch, key)),
            _ => {}
        }
    }

    /// Notes that an attribute was looked for in an instance. One that it sets was noted when it was made. The schema is that
    /// which made it, and not the one that it is listed as.
    pub(super) fn used_attr(&mut self, watch: &Watch<'_>, key: Key<'_>) {
        if self.tracer.idle {
            return;
        }
        let Watch { schema, keys, .. } = watch;
        let Some(layout) = self.layout_of(*schema) else { return };
        match layout.by_key.get(&key) {
            Some(slot) if keys.binary_search(slot).is_ok() => {}
            slot => self.used_slot(*schema, layout, slot, key),
        }
    }

    /// Notes that an attribute was looked for where a schema counts.
    pub(super) fn used_attr_of(&mut self, id: SchemaId, key: Key<'_>) {
        if self.tracer.idle {
            return;
        }
        if let Some(layout) = self.layout_of(id) {
            self.used_slot(id, layout, layout.by_key.get(&key), key);
        }
    }

    /// What is not quiet is known from the schema.
    fn used_slot(&mut self, id: SchemaId, layout: &Layout, slot: Option<&u32>, key: Key<'_>) {
        let name = match slot.map(|slot| &layout.slots[*slot as usize]) {
            Some(slot) if !slot.quiet => return,
            Some(slot) => slot.name,
            None => Symbol::new(key.as_str()),
        };
        self.tracer.part(Used::Attr(PackageId(id.package), id.schema, name));
    }

    /// Notes that an arm is evaluated.
    pub(super) fn used_arm(&mut self, number: u32) {
        self.tracer.part(Used::Arm(self.frame.package, number));
    }

    /// Notes that a rule was held against a value.
    pub(super) fn used_rule(&mut self, id: SchemaId) {
        self.tracer.part(Used::Rule(PackageId(id.package), id.schema & !RULE));
    }
}
