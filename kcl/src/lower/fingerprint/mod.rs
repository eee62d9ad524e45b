//! The meaning of declarations as digests.
//!
//! A fingerprint covers lowered code: comments, doc strings, layout and places are gone by then, and every name has
//! become what it stands for, which is written here as package and name instead of numbers. So two texts of one
//! meaning have one fingerprint, and a declaration that captures a name changes those that use the name.
//!
//! It covers the declaration alone, not what it refers to: a trace has each used declaration as an element of its own.
//! Bodies of lambdas are elements of their own too, since most lambdas of a package are not called by a given stack.

mod inside;
mod reach;
mod slots;
mod statements;
mod walk;

use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use syntax::Symbol;

use self::reach::Reach;
use self::slots::{Slots, joined};
pub(crate) use self::statements::FileParts;
pub use self::walk::fingerprints;
use super::code::Type;
use super::order::{Label, seen};
use crate::value::Value;

/// 128 bits of BLAKE3 over a declaration's meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 16]);

/// Of a type that takes all values of a kind as they are.
const TAKEN: Fingerprint = Fingerprint([1; 16]);

/// Of a name that there is not.
const NOTHING: Fingerprint = Fingerprint([0; 16]);

impl Fingerprint {
    /// The fingerprint of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut short = [0; 16];
        short.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
        Self(short)
    }
}

/// A part of a package that a program can use without the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// All top-level statements in their order, but for those that only name something; the bodies of their lambdas aside.
    /// Those of a main package in no order, as far as that can be of no matter.
    Statements,
    /// What can be seen of their order, by the text of a run.
    Order(Symbol),
    /// The variables of a main package that are shown, in their order.
    Names,
    /// All of them in their order, for those who see hidden keys too, and where all of the order may show.
    Everything,
    /// A variable: the statements that set it.
    Variable(Symbol),
    /// A schema, mixin or protocol, without its checks.
    Schema(Symbol),
    /// A rule, without its checks.
    Rule(Symbol),
    /// The checks of a schema or rule, which make nothing but may refuse.
    Checks(Symbol),
    /// The body of a lambda: of which declaration, and which one there.
    Lambda(Symbol, u32),
    /// The assertions of a lambda, if it has some, which make nothing but may refuse.
    Asserts(Symbol, u32),
    /// Code that is not evaluated with all that is around it: in what, and which one there.
    Arm(Symbol, u32),
    /// Several arms in the same code: their numbers there, separated by blanks.
    Arms(Symbol, Symbol),
    /// The default of an attribute, or that there is none: of which schema, which attribute, and which declaration of it.
    Default(Symbol, Symbol, u32),
    /// What the type of an attribute makes of a kind of value.
    Accepts(Symbol, Symbol, u32, Kind),
    /// That a schema has quiet attributes of these names.
    Keys(Symbol, Names),
    /// The attributes of a schema in order, with defaults: without those of the quiet ones that are unset and not among
    /// these names.
    Shown(Symbol, Names),
    /// All attributes of a schema in order, with the defaults of the quiet ones.
    Listed(Symbol),
    /// The mixins of a schema in their order, which the schema has only where it matters to the instance itself.
    Mixins(Symbol),
    /// An attribute of a schema, if it is quiet, or that there is none.
    Attr(Symbol, Symbol),
    /// What kind of thing a name is, or that there is none of this name.
    Name(Symbol),
}

impl Part {
    /// Whether it is all or something of the statements of a package.
    #[must_use]
    pub fn is_of_statements(self) -> bool {
        matches!(self, Self::Statements | Self::Order(_) | Self::Names | Self::Everything)
    }
}

/// The names of some quiet attributes, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Names(Symbol);

/// Most lists of names are no longer than this.
const USUAL: usize = 128;

impl Names {
    /// No quiet attribute has this in its name.
    pub(crate) const SEPARATOR: char = '\0';

    /// The list of some names.
    #[must_use]
    pub fn of(names: impl Iterator<Item = Symbol>) -> Self {
        let mut joined = String::with_capacity(USUAL);
        for name in names {
            joined.push_str(name.as_str());
            joined.push(Self::SEPARATOR);
        }
        Self(Symbol::new(&joined))
    }

    /// All of them as one text.
    #[must_use]
    pub fn joined(self) -> Symbol {
        self.0
    }

    fn iter(self) -> impl Iterator<Item = &'static str> {
        self.0.as_str().split_terminator(Self::SEPARATOR)
    }
}

impl From<Symbol> for Names {
    fn from(joined: Symbol) -> Self {
        Self(joined)
    }
}

/// The kinds of values that a type takes as they are, or that it takes a closer look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A bool.
    Bool,
    /// An integer.
    Int,
    /// A float.
    Float,
    /// Text.
    Str,
    /// Anything else: all of the type counts.
    Other,
    /// An instance of a schema: which one is known before a program runs.
    Instance,
    /// A list of texts.
    Texts,
    /// A dict of texts.
    TextDict,
    /// Another list.
    List,
    /// Another dict.
    Dict,
}

impl Kind {
    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::Bool,
        Self::Int,
        Self::Float,
        Self::Str,
        Self::Other,
        Self::Instance,
        Self::Texts,
        Self::TextDict,
        Self::List,
        Self::Dict,
    ];

    /// Whether a value of the kind that is united with itself is what it was.
    fn is_single(self) -> bool {
        matches!(self, Self::Bool | Self::Int | Self::Float | Self::Str)
    }

    /// The types of a union that such values are held against, in order; of another type itself.
    fn of_union(self, ty: &Type) -> Vec<&Type> {
        match ty {
            Type::Union(types) => types.iter().flat_map(|ty| self.of_union(ty)).collect(),
            ty if self.concerns(ty) => vec![ty],
            _ => Vec::new(),
        }
    }

    /// Whether such a value can be of a type that is no union.
    fn concerns(self, ty: &Type) -> bool {
        match ty {
            Type::Any => true,
            _ if self == Self::Other => true,
            Type::Literal(_) => self.is_single(),
            Type::Bool => self == Self::Bool,
            Type::Int => self == Self::Int,
            Type::Float => matches!(self, Self::Int | Self::Float),
            Type::Str => self == Self::Str,
            Type::Unit | Type::Function => self == Self::Instance,
            Type::List(_) => matches!(self, Self::List | Self::Texts),
            Type::Dict(..) => matches!(self, Self::Dict | Self::TextDict),
            Type::Schema(..) => matches!(self, Self::Dict | Self::TextDict | Self::Instance),
            Type::Union(_) => false,
        }
    }

    /// Whether a type takes all values of the kind, and none of them otherwise than it is.
    fn is_taken(self, ty: &Type) -> bool {
        if self == Self::Other {
            return false;
        }
        let takes = |ty: &&Type| match ty {
            Type::Any | Type::Bool | Type::Int | Type::Float | Type::Str => true,
            Type::Schema(..) => self == Self::Instance,
            Type::List(item) | Type::Dict(_, item) => match self {
                Self::Texts | Self::TextDict => Self::Str.is_taken(item),
                Self::List | Self::Dict => matches!(**item, Type::Any),
                _ => false,
            },
            _ => false,
        };
        let types = self.of_union(ty);
        // A dict becomes an instance of the first schema that it fits.
        let types = types.iter().take_while(|ty| takes(ty) || self.is_single() || !ty.may_pack());
        types.into_iter().any(takes)
    }
}

impl From<Value<'_>> for Kind {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Bool(_) => Self::Bool,
            Value::Int(_) => Self::Int,
            Value::Float(_) => Self::Float,
            Value::Str(_) => Self::Str,
            Value::Instance(_) => Self::Instance,
            Value::List(items) if items.iter().all(|item| matches!(item, Value::Str(_))) => Self::Texts,
            // What else an instance may have is not looked at.
            Value::Dict(dict) if dict.unpacked().is_some() => Self::Dict,
            Value::Dict(dict) if dict.entries().iter().all(|entry| matches!(entry.value, Value::Str(_))) => {
                Self::TextDict
            }
            Value::List(_) => Self::List,
            Value::Dict(_) => Self::Dict,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(_) | Self::Names => f.write_str("(the order of statements)"),
            Self::Statements | Self::Everything => f.write_str("(all statements)"),
            Self::Variable(name) | Self::Schema(name) | Self::Rule(name) | Self::Name(name) => {
                f.write_str(name.as_str())
            }
            Self::Lambda(name, number) => {
                write!(f, "{} (lambda {})", shown(*name), number + 1)
            }
            Self::Asserts(name, number) => {
                write!(f, "{} (assertions of lambda {})", shown(*name), number + 1)
            }
            Self::Arm(name, _) | Self::Arms(name, _) => write!(f, "{} (in a condition)", shown(*name)),
            Self::Default(schema, attr, _) => write!(f, "{schema}.{attr} (default)"),
            Self::Accepts(schema, attr, ..) => write!(f, "{schema}.{attr} (type)"),
            Self::Keys(schema, _) | Self::Shown(schema, _) | Self::Listed(schema) => {
                write!(f, "{schema} (attributes)")
            }
            Self::Mixins(schema) => write!(f, "{schema} (mixins)"),
            Self::Checks(schema) => write!(f, "{schema} (checks)"),
            Self::Attr(schema, attr) => write!(f, "{schema}.{attr}"),
        }
    }
}

/// What stands between a declaration and what is inside of it: other variables, an attribute, a lambda, an arm, assertions.
const INSIDE: [char; 5] = [',', '.', '(', '/', '!'];

/// Where something inside of a declaration is, for people.
fn shown(name: Symbol) -> &'static str {
    let name = name.as_str();
    &name[..name.find(&INSIDE[2..]).unwrap_or(name.len())]
}

impl Part {
    /// The declaration of something inside of it.
    #[must_use]
    pub fn declaration(name: Symbol) -> Symbol {
        Symbol::new(name.as_str().split(INSIDE).next().unwrap_or_default())
    }
}

/// Parts and what is inside of them.
#[derive(Debug, Default)]
struct Inside {
    parts: FxHashMap<Part, Fingerprint>,
    /// The part that each lambda is, by number.
    lambdas: FxHashMap<u32, Part>,
    /// The same of arms.
    arms: FxHashMap<u32, Part>,
}

/// The fingerprints of a package.
#[derive(Debug, Default)]
pub struct Fingerprints {
    own: Inside,
    /// Those of a main package's last file, where others share it.
    shared: Option<Arc<FileParts>>,
    /// Where each attribute is declared: schema, name, and which declaration of it.
    attrs: Vec<(Symbol, Symbol, u32)>,
    /// The attributes that instances of each schema have, in order.
    slots: FxHashMap<Symbol, Slots>,
    /// What each name is, in their order.
    names: Vec<(Symbol, Fingerprint)>,
    /// What imported packages declare and do.
    reach: Vec<Reach>,
    /// The statements of a main package.
    labels: Vec<Label>,
}

impl Fingerprints {
    /// All that the code of other packages can learn of the package's names: what kind of thing each of them is. Of a main
    /// package nobody learns anything.
    pub fn names(&self) -> impl Iterator<Item = &(Symbol, Fingerprint)> {
        self.names.iter()
    }

    /// The fingerprint of a part; `None` where the package has no such part.
    #[must_use]
    pub fn get(&self, part: Part) -> Option<Fingerprint> {
        let slots = |schema: Symbol| self.slots.get(&schema);
        match part {
            Part::Keys(schema, names) => Some(slots(schema)?.keys(names)),
            Part::Shown(schema, names) => Some(slots(schema)?.shown(names)),
            Part::Listed(schema) => Some(slots(schema)?.listed()),
            Part::Attr(schema, name) => Some(slots(schema)?.attr(name)),
            Part::Name(name) => {
                let at = self.names.binary_search_by(|(other, _)| other.as_str().cmp(name.as_str()));
                Some(at.map_or(NOTHING, |at| self.names[at].1))
            }
            Part::Arms(name, numbers) => {
                let numbers = numbers.as_str().split(' ').map(|number| number.parse().ok());
                let all = numbers.map(|number| self.known(Part::Arm(name, number?)));
                Some(joined(all.collect::<Option<Vec<_>>>()?.into_iter()))
            }
            Part::Order(text) => {
                seen(&self.labels, text.as_str()).map(|seen| Fingerprint::of(seen.as_bytes()))
            }
            _ => self.known(part),
        }
    }

    fn known(&self, part: Part) -> Option<Fingerprint> {
        self.all().find_map(|inside| inside.parts.get(&part).copied())
    }

    fn all(&self) -> impl Iterator<Item = &Inside> {
        [&self.own].into_iter().chain(self.shared.as_deref().map(FileParts::inside))
    }

    /// The part that the default of an attribute is, by the number of the attribute.
    #[must_use]
    pub fn default_of(&self, number: u32) -> Option<Part> {
        let (schema, attr, which) = *self.attrs.get(number as usize)?;
        Some(Part::Default(schema, attr, which))
    }

    /// The part that the type of an attribute is for a kind of value, by the number of the attribute.
    #[must_use]
    pub fn accepts(&self, number: u32, kind: Kind) -> Option<Part> {
        let (schema, attr, which) = *self.attrs.get(number as usize)?;
        Some(Part::Accepts(schema, attr, which, kind))
    }

    /// The part that the arm of a number is.
    #[must_use]
    pub fn arm(&self, number: u32) -> Option<Part> {
        self.all().find_map(|inside| inside.arms.get(&number).copied())
    }

    /// The part that the assertions of the lambda of a number are.
    #[must_use]
    pub fn asserts_of(&self, number: u32) -> Option<Part> {
        match self.lambda(number)? {
            Part::Lambda(owner, which) => Some(Part::Asserts(owner, which)),
            _ => None,
        }
    }

    /// The part that the lambda of a number is.
    #[must_use]
    pub fn lambda(&self, number: u32) -> Option<Part> {
        self.all().find_map(|inside| inside.lambdas.get(&number).copied())
    }
}
