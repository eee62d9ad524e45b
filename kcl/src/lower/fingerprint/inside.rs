//! What is inside of a part and counts for itself: defaults and types of attributes, lambdas, and the arms of conditions.

use rustc_hash::FxHashMap;
use syntax::Symbol;

use super::walk::Walk;
use super::{Kind, Part, TAKEN};
use crate::lower::code::{AttrCode, Check, ConfigItem, Expr, Item, Stmt};

/// Code that is not evaluated with all that is around it.
#[derive(Clone, Copy)]
pub(super) enum Arm<'a> {
    Expr(&'a Expr),
    Items(&'a [Item]),
    Config(&'a [ConfigItem]),
    Stmts(&'a [Stmt]),
}

impl<'a> Walk<'a> {
    /// The defaults and types of the attributes in the schema that was walked.
    pub(super) fn attrs(&mut self) {
        let mut counts: FxHashMap<Symbol, u32> = FxHashMap::default();
        let (again, attrs): (Vec<&AttrCode>, Vec<&AttrCode>) =
            std::mem::take(&mut self.pending_attrs).into_iter().partition(|attr| attr.again);
        for attr in &again {
            self.number_attr(attr, 0);
        }
        let owner = self.owner;
        for attr in attrs {
            let name = Symbol::new(attr.key.as_str());
            let which = *counts.entry(name).and_modify(|count| *count += 1).or_insert(0);
            self.number_attr(attr, which);
            self.keep(Part::Default(owner, name, which), |walk| {
                walk.optional(attr.value.as_ref(), Self::expr);
            });
            if !(self.pending.is_empty() && self.pending_arms.is_empty()) {
                self.owner = Symbol::new(&format!("{owner}.{name}.{which}"));
                self.inner();
                self.owner = owner;
            }
            let times = again.iter().filter(|other| other.name == attr.name).count();
            self.accepts(attr, which, times);
        }
    }

    fn number_attr(&mut self, attr: &AttrCode, which: u32) {
        let part = (self.owner, Symbol::new(attr.key.as_str()), which);
        let at = attr.number as usize;
        if self.found.attrs.len() <= at {
            self.found.attrs.resize(at + 1, part);
        }
        self.found.attrs[at] = part;
    }

    /// What the type of an attribute makes of values. Of some it counts how many more times the attribute is declared, and
    /// they are united with themselves.
    fn accepts(&mut self, attr: &AttrCode, which: u32, times: usize) {
        let often = times > 0;
        for kind in Kind::ALL {
            let part = Part::Accepts(self.owner, Symbol::new(attr.key.as_str()), which, kind);
            if kind.is_taken(&attr.ty) && (kind.is_single() || !often) {
                self.gathered.part(TAKEN);
                self.found.own.parts.insert(part, TAKEN);
                continue;
            }
            self.keep(part, |walk| {
                let types = kind.of_union(&attr.ty);
                walk.number(types.len() as u64);
                types.into_iter().for_each(|ty| walk.ty(ty));
                if often && !kind.is_single() {
                    walk.number(times as u64);
                }
            });
        }
    }

    /// The arms and lambdas that were met in what was walked. Each counts what is inside of it for itself: code that a
    /// program does not run says nothing of the numbers of others.
    pub(super) fn inner(&mut self) {
        let (owner, locals, in_lambda) = (self.owner, self.locals.take(), self.in_lambda);
        for (number, arm) in std::mem::take(&mut self.pending_arms) {
            let part = Part::Arm(owner, self.count(owner, '/'));
            self.found.own.arms.insert(number, part);
            // The names around it are those of what it is in.
            self.locals.clone_from(&locals);
            self.keep(part, |walk| walk.arm(arm));
            self.enter(part);
            (self.owner, self.in_lambda) = (owner, in_lambda);
        }
        for lambda in std::mem::take(&mut self.pending) {
            let part = Part::Lambda(owner, self.count(owner, '('));
            self.found.own.lambdas.insert(lambda.number, part);
            (self.locals, self.in_lambda) = (None, true);
            self.keep(part, |walk| walk.stmts(&lambda.body));
            let asserts = std::mem::take(&mut self.pending_asserts);
            self.enter(part);
            if let Part::Lambda(owner, number) = part
                && !asserts.is_empty()
            {
                self.asserts(Part::Asserts(owner, number), &asserts);
            }
            (self.owner, self.in_lambda) = (owner, in_lambda);
        }
        self.locals = None;
    }

    /// The assertions of a lambda, each with its place among the statements.
    fn asserts(&mut self, part: Part, asserts: &[(usize, &'a Check)]) {
        self.keep(part, |walk| {
            for (at, check) in asserts {
                walk.number(*at as u64);
                walk.check(check);
            }
        });
        self.enter(part);
    }

    fn enter(&mut self, part: Part) {
        if self.pending.is_empty() && self.pending_arms.is_empty() {
            return;
        }
        self.owner = match part {
            Part::Arm(owner, number) => Symbol::new(&format!("{owner}/{number}")),
            Part::Lambda(owner, number) => Symbol::new(&format!("{owner}({number}")),
            Part::Asserts(owner, number) => Symbol::new(&format!("{owner}!{number}")),
            _ => self.owner,
        };
        self.inner();
    }

    fn count(&mut self, owner: Symbol, kind: char) -> u32 {
        let count = self.counts.entry((owner, kind)).or_default();
        *count += 1;
        *count - 1
    }

    fn arm(&mut self, arm: Arm<'a>) {
        match arm {
            Arm::Expr(expr) => self.expr(expr),
            Arm::Items(items) => self.all(items, Self::item),
            Arm::Config(items) => self.all(items, Self::config_item),
            Arm::Stmts(stmts) => self.stmts(stmts),
        }
    }

    /// The arms of an `if`: here is written which of them there are.
    pub(super) fn arms(&mut self, arms: [(u32, Arm<'a>); 2]) {
        for (number, arm) in arms {
            let is_there = match arm {
                Arm::Expr(_) => true,
                Arm::Items(items) => !items.is_empty(),
                Arm::Config(items) => !items.is_empty(),
                Arm::Stmts(stmts) => !stmts.is_empty(),
            };
            self.tag(u8::from(is_there));
            self.pending_arms.extend(is_there.then_some((number, arm)));
        }
    }
}
