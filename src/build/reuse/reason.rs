//! Why a stack was not taken from an earlier build.

use std::fmt;

use kcl::lower::fingerprint::Part;

/// What differs from the build that came closest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It was never built with this version of the tool and these limits.
    New,
    /// A flag or the module that it is in.
    Settings,
    /// An option that it asks for.
    Option(String),
    /// A file or folder that its program asks for.
    File(String),
    /// The statements of its own files.
    Statements,
    /// A declaration that it uses: where, and which one. It changed, or is there no more.
    Declaration {
        /// The package; empty for the stack's own files.
        package: String,
        /// The declaration.
        name: String,
    },
    /// The same of what only checks use: it comes out as before, unless it is refused.
    Check {
        /// The package; empty for the stack's own files.
        package: String,
        /// The declaration.
        name: String,
    },
    /// It depends on more than declarations tell, and some file changed.
    Coarse,
    /// It depends on where the monorepo is, which is another place now.
    Moved,
    /// A package that it imports says what the output is.
    Prints,
    /// A package that it imports cannot be evaluated any more.
    Unhealthy,
    /// Its artifact is neither there nor in the store.
    Lost,
}

impl Reason {
    /// Of a part of a package; of the stack's own files without one.
    pub(super) fn of_part(package: String, part: Part, of_checks: bool) -> Self {
        let name = part.to_string();
        match of_checks {
            _ if package.is_empty() && part.is_of_statements() => Self::Statements,
            true => Self::Check { package, name },
            false => Self::Declaration { package, name },
        }
    }

    /// The first of some reasons that says more than that a check may refuse the stack; the first one, if none does.
    pub(super) fn first(mut reasons: impl Iterator<Item = Self>) -> Option<Self> {
        let first = reasons.next()?;
        match &first {
            Self::Check { .. } => reasons.find(|it| !matches!(it, Self::Check { .. })).or(Some(first)),
            _ => Some(first),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("it was not built before"),
            Self::Settings => f.write_str("its settings changed"),
            Self::Option(name) => write!(f, "the option `{name}` changed"),
            Self::File(path) => write!(f, "`{path}` changed"),
            Self::Statements => f.write_str("its own statements changed"),
            Self::Declaration { package, name } if package.is_empty() => {
                write!(f, "`{name}` of its own files changed")
            }
            Self::Declaration { package, name } => write!(f, "`{name}` of `{package}` changed"),
            Self::Check { package, name } if package.is_empty() => {
                write!(f, "a check may refuse it: `{name}` of its own files changed")
            }
            Self::Check { package, name } => {
                write!(f, "a check may refuse it: `{name}` of `{package}` changed")
            }
            Self::Coarse => f.write_str("a file changed, and it depends on file names or on all instances"),
            Self::Moved => f.write_str("it depends on where the monorepo is, which is another place now"),
            Self::Prints => f.write_str("a package that it imports writes the output"),
            Self::Unhealthy => f.write_str("a package that it imports fails"),
            Self::Lost => f.write_str("its artifact is lost"),
        }
    }
}
