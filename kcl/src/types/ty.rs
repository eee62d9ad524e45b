//! What the checker knows of values: types.
//!
//! A [`Type`] is small and cheap to clone. Schemas are referred to by number, so types may be recursive and know all
//! of a schema even where it is declared later.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use syntax::{Span, Symbol};

use crate::package::{ImportTarget, PackageId};

/// A map that keeps the order of its entries.
pub(super) type Ordered<V> = IndexMap<Symbol, V, FxBuildHasher>;

/// Text of a literal type.
#[derive(Clone)]
pub(super) enum Text {
    /// A name.
    Symbol(Symbol),
    /// A string.
    Shared(Arc<str>),
}

impl Text {
    /// The text.
    #[must_use]
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Symbol(symbol) => symbol.as_str(),
            Self::Shared(text) => text,
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Symbol(one), Self::Symbol(other)) => one == other,
            _ => self.as_str() == other.as_str(),
        }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// The type of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Type {
    /// Anything; nothing is checked.
    Any,
    /// Of `None` and `Undefined`.
    None,
    /// Of nothing at all: the bottom.
    Void,
    /// `bool`
    Bool,
    /// `True`
    BoolLit(bool),
    /// `int`
    Int,
    /// `1`
    IntLit(i64),
    /// `float`
    Float,
    /// `1.5`
    FloatLit(f64),
    /// `str`
    Str,
    /// `"a"`
    StrLit(Text),
    /// `units.NumberMultiplier`
    Unit,
    /// `1Ki`
    UnitLit(i64, Symbol),
    /// `[T]`
    List(Arc<Type>),
    /// `{K:V}`
    Dict(Arc<DictType>),
    /// `A | B`
    Union(Arc<[Type]>),
    /// A schema; the flag tells instances from the schema itself, as far as the language tells them apart.
    Schema(SchemaRef, bool),
    /// `(A) -> R`
    Function(Arc<FunctionType>),
    /// What an import binds.
    Module(ModuleType),
}

/// An imported package or module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ModuleType {
    /// What it is.
    pub(super) target: ImportTarget,
    /// Its dotted path.
    pub(super) path: Symbol,
}

/// A dict, with what is known of single keys.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DictType {
    /// Of the keys.
    pub(super) key: Type,
    /// Of the values.
    pub(super) value: Type,
    /// Of the values of keys that were written out.
    pub(super) attrs: Arc<Ordered<DictAttr>>,
    size: Size,
}

/// The value of a key that was written out.
#[derive(Debug, Clone)]
pub(super) struct DictAttr {
    /// Its type.
    pub(super) ty: Type,
    /// Where the key stands.
    pub(super) place: Place,
}

impl PartialEq for DictAttr {
    fn eq(&self, other: &Self) -> bool {
        self.ty == other.ty
    }
}

/// A place in a file of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    /// The package.
    pub(super) package: PackageId,
    /// The file in it.
    pub(super) file: u32,
    /// Where in the file.
    pub(super) span: Span,
}

/// A function.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FunctionType {
    /// In order.
    pub(super) params: Vec<Param>,
    /// Of the result.
    pub(super) result: Type,
    /// Whether any arguments may follow.
    pub(super) variadic: bool,
}

/// A parameter of a function or schema.
#[derive(Debug, Clone)]
pub(super) struct Param {
    /// Its name; empty where only the type is known.
    pub(super) name: Symbol,
    /// Its type.
    pub(super) ty: Type,
    /// Whether it may be left out.
    pub(super) has_default: bool,
    /// Where it is declared.
    pub(super) place: Option<Place>,
}

impl PartialEq for Param {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.ty == other.ty && self.has_default == other.has_default
    }
}

/// A schema of a package, by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SchemaRef {
    /// The package that declares it.
    pub(super) package: PackageId,
    /// Which of its schemas, mixins, protocols and rules, in order.
    pub(super) index: u32,
}

/// What kind of thing a [`SchemaType`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub(super) enum SchemaSort {
    Schema,
    Mixin,
    Protocol,
    Rule,
}

/// A schema, mixin, protocol or rule.
#[derive(Debug, Clone)]
pub(super) struct SchemaType {
    /// Its number.
    pub(super) id: SchemaRef,
    /// Its name.
    pub(super) name: Symbol,
    /// What it is.
    pub(super) sort: SchemaSort,
    /// The schema that it extends.
    pub(super) base: Option<SchemaRef>,
    /// The protocol after `for`.
    pub(super) protocol: Option<SchemaRef>,
    /// Its mixins; the parents of a rule.
    pub(super) mixins: Vec<SchemaRef>,
    /// Its own attributes in order, then those of its mixins.
    pub(super) attrs: Ordered<SchemaAttr>,
    /// Its parameters.
    pub(super) params: Arc<FunctionType>,
    /// Its index signature.
    pub(super) index: Option<IndexType>,
    /// Whether its body has statements that are not attributes: they may set required attributes.
    pub(super) computes: bool,
    /// Where its name stands.
    pub(super) place: Place,
}

/// An attribute of a schema.
#[derive(Debug, Clone)]
pub(super) struct SchemaAttr {
    /// Its declared type.
    pub(super) ty: Type,
    /// Whether it may stay without a value.
    pub(super) optional: bool,
    /// Whether it has a default.
    pub(super) has_default: bool,
    /// Where it is declared.
    pub(super) place: Place,
}

/// An index signature.
#[derive(Debug, Clone)]
pub(super) struct IndexType {
    /// The name of the key.
    pub(super) key_name: Option<Symbol>,
    /// Of the keys.
    pub(super) key: Type,
    /// Of the values.
    pub(super) value: Type,
    /// Whether declared attributes need not fit.
    pub(super) any_other: bool,
}

impl Type {
    /// A list of something.
    #[must_use]
    pub(super) fn list(item: Self) -> Self {
        Self::List(Arc::new(item))
    }

    /// A dict of which no key is known.
    #[must_use]
    pub(super) fn dict(key: Self, value: Self) -> Self {
        Self::Dict(Arc::new(DictType::new(key, value, Arc::default())))
    }

    /// The type of a name as a string.
    #[must_use]
    pub(super) fn key(name: Symbol) -> Self {
        Self::StrLit(Text::Symbol(name))
    }

    /// The type of a string literal.
    #[must_use]
    pub(super) fn text(text: &str) -> Self {
        Self::StrLit(Text::Shared(Arc::from(text)))
    }

    pub(super) fn is_any(&self) -> bool {
        matches!(self, Self::Any)
    }

    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(super) fn is_int(&self) -> bool {
        matches!(self, Self::Int | Self::IntLit(_))
    }

    pub(super) fn is_float(&self) -> bool {
        matches!(self, Self::Float | Self::FloatLit(_))
    }

    pub(super) fn is_number(&self) -> bool {
        self.is_int() || self.is_float()
    }

    pub(super) fn is_bool(&self) -> bool {
        matches!(self, Self::Bool | Self::BoolLit(_))
    }

    pub(super) fn is_str(&self) -> bool {
        matches!(self, Self::Str | Self::StrLit(_))
    }

    pub(super) fn is_scalar(&self) -> bool {
        self.is_number() || self.is_bool() || self.is_str()
    }

    /// Whether it is a scalar type without a value.
    pub(super) fn is_primitive(&self) -> bool {
        matches!(self, Self::Int | Self::Float | Self::Str | Self::Bool)
    }

    pub(super) fn is_literal(&self) -> bool {
        matches!(self, Self::IntLit(_) | Self::FloatLit(_) | Self::StrLit(_) | Self::BoolLit(_))
    }

    pub(super) fn is_unit(&self) -> bool {
        matches!(self, Self::Unit | Self::UnitLit(..))
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self, Self::List(_))
    }

    pub(super) fn is_config(&self) -> bool {
        matches!(self, Self::Dict(_) | Self::Schema(..))
    }

    pub(super) fn is_iterable(&self) -> bool {
        self.is_str() || self.is_list() || self.is_config()
    }

    /// Whether a test holds for it, or for all members of the union that it is.
    pub(super) fn all(&self, test: impl Fn(&Self) -> bool) -> bool {
        match self {
            Self::Union(members) => members.iter().all(test),
            other => test(other),
        }
    }
}

/// How large a type is: how deep it is nested, and of how many parts it is where shared parts count each time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Size {
    depth: u32,
    parts: u32,
}

/// The largest type of a name. Types grow with each name that holds another one, and parts of a type may be shared, so
/// that few names make very many parts.
const LARGEST: Size = Size { depth: 64, parts: 4096 };

impl Size {
    const ONE: Self = Self { depth: 1, parts: 1 };

    fn with(self, part: Self) -> Self {
        Self {
            depth: self.depth.max(part.depth.saturating_add(1)),
            parts: self.parts.saturating_add(part.parts),
        }
    }
}

impl Type {
    /// The type itself, or `any` where it is too large to be held against others.
    pub(super) fn bounded(self) -> Self {
        let size = self.size();
        if size.depth > LARGEST.depth || size.parts > LARGEST.parts { Self::Any } else { self }
    }

    fn size(&self) -> Size {
        match self {
            Self::List(item) => Size::ONE.with(item.size()),
            Self::Union(members) => members.iter().fold(Size::ONE, |size, member| size.with(member.size())),
            Self::Dict(dict) => dict.size,
            Self::Function(function) => {
                let params = function.params.iter().fold(Size::ONE, |size, param| size.with(param.ty.size()));
                params.with(function.result.size())
            }
            _ => Size::ONE,
        }
    }
}

impl DictType {
    /// A dict of which some keys are known.
    pub(super) fn new(key: Type, value: Type, attrs: Arc<Ordered<DictAttr>>) -> Self {
        let size = Size::ONE.with(key.size()).with(value.size());
        let size = attrs.values().fold(size, |size, attr| size.with(attr.ty.size()));
        Self { key, value, attrs, size }
    }

    /// The type of the value of a key.
    pub(super) fn value_of(&self, key: Symbol) -> &Type {
        self.attrs.get(&key).map_or(&self.value, |attr| &attr.ty)
    }
}
