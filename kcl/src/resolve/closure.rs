//! All that a package imports, directly or not.

use rustc_hash::FxHashMap;
use syntax::{Code, Diagnostic};

use super::Program;
use crate::package::{Package, PackageId};
use crate::world::World;

/// The packages that are reached from one, or from several.
#[derive(Debug, Default, Clone)]
pub(super) struct Closure {
    /// Each package after those that it imports, as far as there is no circle.
    pub(super) order: Vec<PackageId>,
    /// One diagnostic for each circle.
    pub(super) cycles: Vec<Diagnostic>,
    seen: Vec<bool>,
}

impl Closure {
    /// Adds what another one reaches.
    pub(super) fn join(&mut self, other: &Self) {
        for id in &other.order {
            if self.enter(*id) {
                self.order.push(*id);
            }
        }
        for cycle in &other.cycles {
            let known = |one: &Diagnostic| one.message == cycle.message;
            if !self.cycles.iter().any(known) {
                self.cycles.push(cycle.clone());
            }
        }
    }

    /// Notes a package; false where it was noted before.
    fn enter(&mut self, id: PackageId) -> bool {
        let at = id.0 as usize;
        if self.seen.len() <= at {
            self.seen.resize(at + 1, false);
        }
        !std::mem::replace(&mut self.seen[at], true)
    }
}

/// A package whose imports are being walked, and the next of them.
struct Step<'p> {
    package: &'p Package,
    next: usize,
}

impl Program {
    /// What a package reaches, itself included; walked once per package.
    pub(super) fn closure(&self, world: &dyn World, id: PackageId) -> &Closure {
        static NONE: std::sync::LazyLock<Closure> = std::sync::LazyLock::new(Closure::default);
        self.cell(id).map_or(&NONE, |cell| cell.closure.get_or_init(|| self.walk(world, id)))
    }

    /// Depth first, with a stack of its own: a chain of imports may be long.
    fn walk(&self, world: &dyn World, from: PackageId) -> Closure {
        let mut closure = Closure::default();
        let mut open: FxHashMap<PackageId, usize> = FxHashMap::default();
        let mut steps = vec![Step { package: self.load(world, from), next: 0 }];
        closure.enter(from);
        open.insert(from, 0);
        while let Some(step) = steps.last_mut() {
            let package = step.package;
            let Some((id, ..)) = package.dependencies.get(step.next).copied() else {
                open.remove(&package.id);
                closure.order.push(package.id);
                steps.pop();
                continue;
            };
            step.next += 1;
            if let Some(first) = open.get(&id) {
                closure.cycles.extend(cycle(&steps[*first..]));
            } else if closure.enter(id) {
                open.insert(id, steps.len());
                steps.push(Step { package: self.load(world, id), next: 0 });
            }
        }
        closure
    }
}

/// The circle that the steps are, blamed on its first import.
fn cycle(steps: &[Step<'_>]) -> Option<Diagnostic> {
    let names: Vec<&str> = steps.iter().chain(steps.first()).map(|step| step.package.name.as_str()).collect();
    let message = format!("packages import each other in a circle: `{}`", names.join("` → `"));
    let mut problem: Option<Diagnostic> = None;
    for step in steps {
        let (_, file, span) = step.package.dependencies.get(step.next.wrapping_sub(1))?;
        let source = &step.package.files.get(*file as usize)?.file.source;
        problem = Some(match problem {
            None => Diagnostic::new(Code::RecursiveLoad, source, *span, message.clone()),
            Some(problem) => problem.note(source, *span, "and goes on here"),
        });
    }
    problem
}
