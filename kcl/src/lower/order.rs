//! Which order of the statements of a main package can show.
//!
//! Reading a variable runs the statement that sets it, so most statements come to the same in any order. A run notes what
//! of their order could be seen: who reads whom, and who makes the instances or asks for them that somebody lists
//! (`eval::order`). With that it can be told of any other order of the same statements which of them would run when, without
//! running them.

use std::fmt::Write as _;

use rustc_hash::{FxHashMap, FxHashSet};
use syntax::Symbol;

use super::code::{GlobalKind, PackageCode, Place, Stmt, StmtKind};

/// What a statement at the top of a package is for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is all that sets this global, and runs once.
    Free(u32),
    /// The same, but it unites what it makes with what is there, and so runs again in its turn if a read came first.
    Again(u32),
    /// Anything else: its place among its like counts. Whether it sets variables.
    Fixed(bool),
}

/// The statements of a package in order.
pub(crate) fn statements(code: &PackageCode) -> impl Iterator<Item = (Role, &Stmt)> {
    let stmts = code.files.iter().flat_map(|file| &file.body);
    stmts.map(|stmt| (role(code, stmt), stmt))
}

pub(crate) fn role(code: &PackageCode, stmt: &Stmt) -> Role {
    let lone = |place: Place| match place {
        Place::Global(slot) => match &code.globals.get(slot as usize)?.kind {
            GlobalKind::Variable(setters) if setters.len() == 1 => Some(slot),
            _ => None,
        },
        _ => None,
    };
    let slot = match &stmt.kind {
        StmtKind::Assign(assign) => match &*assign.targets {
            [target] if target.path.is_empty() && !assign.from_self => lone(target.place).map(Role::Free),
            _ => None,
        },
        StmtKind::Unify(target, _) if target.path.is_empty() => lone(target.place).map(Role::Again),
        _ => None,
    };
    let sets = !matches!(
        stmt.kind,
        StmtKind::Expr(_) | StmtKind::Assert(_) | StmtKind::LambdaAssert(_) | StmtKind::Nothing
    );
    slot.unwrap_or(Role::Fixed(sets))
}

/// What names a statement in any order: its variable, or its number among those whose place counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Label {
    Of(Symbol),
    Fixed(u32),
}

/// The labels of statements, in their order.
pub(crate) fn labels(code: &PackageCode) -> Vec<Label> {
    let mut fixed = 0..;
    let label = |role| match role {
        Role::Free(slot) | Role::Again(slot) => Label::Of(code.globals[slot as usize].name),
        Role::Fixed(_) => Label::Fixed(fixed.next().unwrap_or(u32::MAX)),
    };
    statements(code).map(|(role, _)| role).map(label).collect()
}

/// What a run has noted of a statement.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// When it runs shows, since it lists instances or makes some that are listed.
    pub(crate) shows: bool,
    /// What runs within it shows: it sets variables that others set too.
    pub(crate) sets: bool,
    /// See [`Role::Again`].
    pub(crate) again: bool,
    /// The variables that it reads, in order, with whether that was inside of an instance.
    pub(crate) reads: Vec<(Symbol, bool)>,
}

/// What a run has noted of the statements for which it matters when they run.
#[derive(Debug, Default)]
pub(crate) struct Order(pub(crate) FxHashMap<Label, Noted>);

impl Order {
    /// As text: no name has any of these marks in it.
    pub(crate) fn text(&self) -> String {
        let mut lines: Vec<(&Label, &Noted)> = self.0.iter().collect();
        lines.sort_unstable_by_key(|(label, _)| match label {
            Label::Of(name) => (name.as_str(), 0),
            Label::Fixed(number) => ("", *number),
        });
        let mut text = String::new();
        for (label, Noted { shows, sets, again, reads }) in lines {
            // Writing to a string cannot fail.
            let _ = match label {
                Label::Of(name) => write!(text, "{name}"),
                Label::Fixed(number) => write!(text, "{number}#"),
            };
            for (mark, holds) in [('*', shows), ('=', sets), ('&', again)] {
                text.extend(holds.then_some(mark));
            }
            for (name, inside) in reads {
                let _ = write!(text, "{}{name}", if *inside { '!' } else { ',' });
            }
            text.push(';');
        }
        text
    }

    /// Leaves out what nobody could see.
    pub(crate) fn simplify(&mut self) {
        let all = &self.0;
        // Whatever runs inside of something shows, if it runs early, and so does all that this runs.
        let mut inside: FxHashSet<Symbol> = FxHashSet::default();
        let starts = all.values().flat_map(|it| it.reads.iter().filter(|(_, within)| it.sets || *within));
        let mut next: Vec<Symbol> = starts.map(|(name, _)| *name).collect();
        while let Some(name) = next.pop() {
            if inside.insert(name) {
                let reads = all.get(&Label::Of(name)).map_or(&[][..], |noted| &noted.reads);
                next.extend(reads.iter().map(|(name, _)| *name));
            }
        }
        // When something runs matters if something shows that it runs.
        let weighs = |it: &Noted| it.shows || it.again || it.reads.iter().any(|(_, within)| *within);
        let mut weighty: FxHashSet<Label> = FxHashSet::default();
        weighty.extend(all.iter().filter(|(_, it)| weighs(it)).map(|(label, _)| *label));
        let mut before = usize::MAX;
        while before != weighty.len() {
            before = weighty.len();
            let reads = |it: &Noted| it.reads.iter().any(|(name, _)| weighty.contains(&Label::Of(*name)));
            let more: Vec<Label> = all.iter().filter(|(_, it)| reads(it)).map(|(label, _)| *label).collect();
            weighty.extend(more);
        }
        // Each is looked at for itself.
        #[allow(clippy::iter_over_hash_type)]
        for (label, noted) in &mut self.0 {
            let of_inside = matches!(label, Label::Of(name) if inside.contains(name));
            let all = noted.sets || of_inside;
            noted.reads.retain(|(name, within)| all || *within || weighty.contains(&Label::Of(*name)));
            noted.sets &= !noted.reads.is_empty();
        }
        self.0.retain(|_, it| it.shows || it.again || !it.reads.is_empty());
    }

    /// What a text says that [`Order::text`] gave.
    fn parse(text: &str) -> Option<Self> {
        let mut all = FxHashMap::default();
        for line in text.split_terminator(';') {
            let end = line.find([',', '!']).unwrap_or(line.len());
            let (head, mut rest) = line.split_at(end);
            let name = head.trim_end_matches(['*', '=', '&']);
            let marks = &head[name.len()..];
            let label = match name.strip_suffix('#') {
                Some(number) => Label::Fixed(number.parse().ok()?),
                None => Label::Of(Symbol::new(name)),
            };
            let mut reads = Vec::new();
            while let Some(mark) = rest.chars().next() {
                let end = rest[1..].find([',', '!']).map_or(rest.len(), |at| at + 1);
                reads.push((Symbol::new(&rest[1..end]), mark == '!'));
                rest = &rest[end..];
            }
            let has = |mark| marks.contains(mark);
            all.insert(label, Noted { shows: has('*'), sets: has('='), again: has('&'), reads });
        }
        Some(Self(all))
    }
}

/// What could be seen of an order of statements, as the text of a run has it; nothing for a text of another shape.
pub(crate) fn seen(labels: &[Label], text: &str) -> Option<String> {
    let order = Order::parse(text)?;
    let known = labels.iter().copied().collect();
    let mut walk = Walk { order: &order, known, begun: FxHashSet::default(), seen: String::new() };
    labels.iter().for_each(|label| walk.run(*label, None));
    Some(walk.seen)
}

/// How a statement comes to run before its turn.
#[derive(Clone, Copy)]
struct Early {
    /// Inside of an instance that is made, or of a statement that sets what others set too.
    inside: bool,
}

struct Walk<'a> {
    order: &'a Order,
    known: FxHashSet<Label>,
    begun: FxHashSet<Label>,
    seen: String,
}

impl Walk<'_> {
    fn run(&mut self, label: Label, early: Option<Early>) {
        if !self.begun.insert(label) {
            return;
        }
        let order = self.order;
        let noted = order.0.get(&label);
        let shows = noted.is_some_and(|noted| noted.shows || early.is_some() && noted.again);
        let is_seen = shows || early.is_some_and(|early| early.inside);
        if is_seen {
            // Writing to a string cannot fail.
            let _ = match label {
                Label::Of(name) => write!(self.seen, "({name}"),
                Label::Fixed(number) => write!(self.seen, "({number}#"),
            };
        }
        let sets = noted.is_some_and(|noted| noted.sets) || early.is_some_and(|early| early.inside);
        for (name, within) in noted.iter().flat_map(|noted| &noted.reads) {
            let read = Label::Of(*name);
            if self.known.contains(&read) {
                self.run(read, Some(Early { inside: sets || *within }));
            }
        }
        if is_seen {
            self.seen.push(')');
        }
    }
}
