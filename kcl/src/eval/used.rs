//! What of packages a run can use.

use std::hash::{Hash, Hasher};

use syntax::Symbol;

use crate::lower::RULE;
use crate::lower::code::PackageCode;
use crate::lower::fingerprint::{Fingerprints, Kind, Names, Part};
use crate::package::PackageId;

/// A part of a package that was used, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Used {
    /// All statements of a package, in their order.
    Statements(PackageId),
    /// What can be seen of the order of a main package's statements, as text; all of it, if there is none.
    Order(PackageId, Option<Symbol>),
    /// The order of the variables that are the output.
    Names(PackageId),
    /// A variable: package and slot.
    Variable(PackageId, u32),
    /// A schema, mixin or protocol: package and number.
    Schema(PackageId, u32),
    /// A rule: package and number.
    Rule(PackageId, u32),
    /// The checks of a schema or rule: package and number; that of a rule is marked.
    Checks(PackageId, u32),
    /// A lambda that was called: package and number.
    Lambda(PackageId, u32),
    /// The assertions of a lambda: package and number.
    Asserts(PackageId, u32),
    /// Code that is not evaluated with all that is around it: package and number.
    Arm(PackageId, u32),
    /// The default of an attribute, or that it has none: package and number.
    Default(PackageId, u32),
    /// The type of an attribute, for a kind of value: package and number.
    Accepts(PackageId, u32, Kind),
    /// Which quiet attributes instances set: package and number of their schema, and the names.
    Keys(PackageId, u32, Names),
    /// All attributes that are set or have a default, of instances that set these besides those that are not quiet.
    Shown(PackageId, u32, Names),
    /// All attributes of a schema: package and number.
    Listed(PackageId, u32),
    /// The order of a schema's mixins: package and number.
    Mixins(PackageId, u32),
    /// An attribute that was looked for in an instance: package and number of the schema, and the name.
    Attr(PackageId, u32, Symbol),
    /// A name that was looked for in a package: package and name.
    Name(PackageId, Symbol),
}

impl Used {
    /// The package.
    #[must_use]
    pub fn package(self) -> PackageId {
        match self {
            Self::Statements(package)
            | Self::Order(package, _)
            | Self::Names(package)
            | Self::Variable(package, _)
            | Self::Schema(package, _)
            | Self::Rule(package, _)
            | Self::Checks(package, _)
            | Self::Lambda(package, _)
            | Self::Asserts(package, _)
            | Self::Arm(package, _)
            | Self::Default(package, _)
            | Self::Accepts(package, ..)
            | Self::Keys(package, ..)
            | Self::Shown(package, ..)
            | Self::Listed(package, _)
            | Self::Mixins(package, _)
            | Self::Attr(package, ..)
            | Self::Name(package, _) => package,
        }
    }

    /// What the parts of a package are in order by; those that have the same differ in names.
    pub(super) fn rank(self) -> u64 {
        self.rank_and_name().0
    }

    /// The name or names that tell it from others of the rank.
    pub(super) fn name(self) -> Option<Symbol> {
        self.rank_and_name().1
    }

    /// What tells it from all others of the package: its rank, and a name or names.
    #[inline]
    #[must_use]
    pub fn rank_and_name(self) -> (u64, Option<Symbol>) {
        let (kind, at, more, name) = match self {
            Self::Statements(_) => (0, 0, 0, None),
            Self::Order(_, name) => (1, 0, 0, name),
            Self::Names(_) => (2, 0, 0, None),
            Self::Variable(_, at) => (3, at, 0, None),
            Self::Schema(_, at) => (4, at, 0, None),
            Self::Rule(_, at) => (5, at, 0, None),
            Self::Checks(_, at) => (6, at, 0, None),
            Self::Lambda(_, at) => (7, at, 0, None),
            Self::Arm(_, at) => (8, at, 0, None),
            Self::Default(_, at) => (9, at, 0, None),
            Self::Accepts(_, at, kind) => (10, at, kind as u8, None),
            Self::Keys(_, at, names) => (11, at, 0, Some(names.joined())),
            Self::Shown(_, at, names) => (12, at, 0, Some(names.joined())),
            Self::Listed(_, at) => (13, at, 0, None),
            Self::Mixins(_, at) => (14, at, 0, None),
            Self::Attr(_, at, name) => (15, at, 0, Some(name)),
            Self::Asserts(_, at) => (16, at, 0, None),
            Self::Name(_, name) => (17, 0, 0, Some(name)),
        };
        (kind << 40 | u64::from(at) << 8 | u64::from(more), name)
    }

    /// All of it in one number, which is rarely that of another one.
    pub(super) fn mixed(self) -> u64 {
        let (rank, name) = self.rank_and_name();
        rank ^ u64::from(self.package().0) << 44 ^ name.map_or(0, Symbol::text_hash)
    }

    /// The part of the package that it is, by the code and the fingerprints of that.
    #[must_use]
    pub fn part(self, code: &PackageCode, known: &Fingerprints) -> Option<Part> {
        let schema = |at: u32| code.schemas.get(at as usize).map(|it| it.ty.name);
        match self {
            Self::Statements(_) => Some(Part::Statements),
            Self::Order(_, seen) => Some(seen.map_or(Part::Everything, Part::Order)),
            Self::Names(_) => Some(Part::Names),
            Self::Variable(_, slot) => code.globals.get(slot as usize).map(|it| Part::Variable(it.name)),
            Self::Schema(_, at) => schema(at).map(Part::Schema),
            Self::Rule(_, at) => code.rules.get(at as usize).map(|it| Part::Rule(it.ty.name)),
            Self::Checks(_, at) if at & RULE != 0 => {
                code.rules.get((at & !RULE) as usize).map(|it| Part::Checks(it.ty.name))
            }
            Self::Checks(_, at) => schema(at).map(Part::Checks),
            Self::Lambda(_, number) => known.lambda(number),
            Self::Asserts(_, number) => known.asserts_of(number),
            Self::Arm(_, number) => known.arm(number),
            Self::Default(_, number) => known.default_of(number),
            Self::Accepts(_, number, kind) => known.accepts(number, kind),
            Self::Keys(_, at, names) => schema(at).map(|schema| Part::Keys(schema, names)),
            Self::Shown(_, at, names) => schema(at).map(|schema| Part::Shown(schema, names)),
            Self::Listed(_, at) => schema(at).map(Part::Listed),
            Self::Mixins(_, at) => {
                let several = code.schemas.get(at as usize).filter(|schema| schema.mixins.len() > 1);
                several.map(|schema| Part::Mixins(schema.ty.name))
            }
            Self::Attr(_, at, name) => schema(at).map(|schema| Part::Attr(schema, name)),
            Self::Name(_, name) => Some(Part::Name(name)),
        }
    }
}

impl Hash for Used {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.mixed());
    }
}
