//! Evaluation.
//!
//! A [`Run`] evaluates one main package: it reads the code that all runs share and owns whatever it makes. Values go to
//! an arena that is freed with the run. Globals and attributes are slots that statements set; see `global` and
//! `instance` for the order in which that happens.
//!
//! The reference implementation evaluates statements in order and, where a name is read that is not final, runs
//! the statements that set it, the last one first. Programs can see the difference to plain laziness (a default that
//! is read early is evaluated twice, `+=` acts twice), so the same steps are taken here.

mod bits;
mod blame;
mod call;
mod check;
mod comprehension;
mod config;
mod expr;
mod global;
mod host;
mod instance;
mod limits;
mod order;
mod plain;
mod recorded;
mod required;
mod slot;
mod stmt;
mod trace;
mod typing;
mod used;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bumpalo::Bump;
use rustc_hash::FxHashMap;
use syntax::{Code, Diagnostic, Source, Span, Symbol};

use self::global::PackageState;
use self::instance::{Context, Mixing};
pub use self::limits::{Limits, is_out_of_memory};
use self::plain::Plain;
use self::recorded::{Ends, Recorded};
use self::stmt::Backtrack;
use self::trace::Tracer;
pub use self::trace::{Trace, Uses};
pub use self::used::Used;
use crate::lower::Codes;
use crate::lower::code::{LambdaCode, PackageCode, StmtId};
use crate::lower::fingerprint::Fingerprint;
use crate::lower::inert::inert;
use crate::package::PackageId;
use crate::stdlib::{Failure, Outcome};
use crate::value::convert::parse_option_json;
use crate::value::{Dict, Entry, SchemaId, Value};
use crate::world::World;

/// How deep calls, instances and blocks may be nested: what [`STACK_BYTES`] has room for.
pub const MAX_DEPTH: u32 = 4_000;

/// The stack that a thread must have that evaluates.
pub const STACK_BYTES: usize = 256 << 20;

/// What a run is given besides code.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The folder that relative paths of `file.*` start from.
    pub work_dir: PathBuf,
    /// The folder of the nearest `kcl.mod`.
    pub module_root: Option<PathBuf>,
    /// Options by name; JSON where the text is JSON, text otherwise. Later ones win.
    pub options: Vec<(String, String)>,
    /// Hold integers to 32 bits and floats to single precision.
    pub strict_range: bool,
    /// How much the program may do.
    pub limits: Limits,
    /// Note what the result depends on. Without it a trace says only what makes the program volatile, and counts that even
    /// where nobody reads it.
    pub traced: bool,
}

/// What a run gives.
pub struct Evaluated<'r> {
    /// The document; superseded by `output`.
    pub value: Value<'r>,
    /// What `manifests.yaml_stream` made the output.
    pub output: Option<String>,
    /// What `print` wrote.
    pub printed: String,
    /// What the result depends on: finished once the document has been written, for that asks for attributes too.
    pub uses: Uses<'r>,
}

/// What evaluating packages without a main package gives.
pub struct Health {
    /// All that the statements of the packages use.
    pub trace: Trace,
    /// The packages that say what the output of the program is.
    pub prints: Vec<PackageId>,
    /// The fingerprints of all values that are plain data, as in a trace; none where something depends on more than options
    /// and files.
    pub values: FxHashMap<Used, Fingerprint>,
}

/// A lambda with what it captured.
pub struct Closure<'v> {
    code: &'v LambdaCode,
    captured: &'v [Value<'v>],
    this: Option<This>,
}

/// The instance whose body code runs in.
#[derive(Clone, Copy, PartialEq, Eq)]
struct This {
    context: u32,
    body: u32,
}

/// Where the run is: the function frame.
#[derive(Clone, Copy)]
struct Frame<'r> {
    /// The package whose globals are meant.
    package: PackageId,
    /// The source of the code.
    source: &'r Arc<Source>,
    /// The first local.
    base: usize,
    /// The captured values.
    captured: &'r [Value<'r>],
    /// The closure, for a lambda that calls itself.
    closure: Option<&'r Closure<'r>>,
    /// The instance whose attributes are meant.
    this: Option<This>,
    /// Whether a lambda runs: attributes are read as they are, and no setter runs for them.
    lambda: bool,
}

/// The evaluation of a main package.
pub struct Run<'r> {
    arena: &'r Bump,
    codes: &'r dyn Codes,
    /// The code of the packages that are evaluated, by number.
    known: Vec<Option<&'r PackageCode>>,
    main: &'r PackageCode,
    /// For each global of the main package, whether reading it is noted.
    inert: Vec<bool>,
    world: &'r dyn World,
    settings: &'r Settings,
    options: Vec<(&'r str, Value<'r>)>,
    /// What has become of them so far.
    packages: Vec<Option<PackageState<'r>>>,
    locals: Vec<Value<'r>>,
    frame: Frame<'r>,
    /// The last thing that was looked at: where a failure is reported.
    place: (&'r Arc<Source>, Span),
    contexts: Vec<Context<'r>>,
    free_contexts: Vec<u32>,
    /// How many instances are under construction, and how many schema expressions.
    schema_depth: u32,
    schema_expr_depth: u32,
    /// The mixins that are running of schemas with several, innermost last.
    mixing: Vec<Mixing>,
    depth: u32,
    steps: u64,
    /// What the statements under way set, innermost last.
    targets: Vec<Symbol>,
    backtracks: Vec<Backtrack>,
    stmt: StmtId,
    /// All instances in the order in which they were made.
    recorded: Vec<Recorded<'r>>,
    /// Those of each schema.
    instances: FxHashMap<SchemaId, Ends>,
    /// The items of the lists that are being made, innermost last.
    gathered: Vec<Value<'r>>,
    /// Memory for builders.
    spare: Vec<Vec<Entry<'r>>>,
    scalars: Vec<Value<'r>>,
    schema_scalar: Option<usize>,
    output: Option<String>,
    printed: String,
    tracer: Tracer<'r>,
}

impl<'r> Run<'r> {
    /// A run of a main package. `closure` has the packages that it imports, directly or not, dependencies first.
    #[must_use]
    pub fn new(
        arena: &'r Bump,
        codes: &'r dyn Codes,
        main: &'r PackageCode,
        world: &'r dyn World,
        settings: &'r Settings,
    ) -> Option<Self> {
        let source = &main.files.first()?.source;
        let frame = Frame {
            package: main.id,
            source,
            base: 0,
            captured: &[],
            closure: None,
            this: None,
            lambda: false,
        };
        let options = settings.options.iter();
        let options = options.map(|(name, text)| (name.as_str(), parse_option_json(text, arena)));
        Some(Self {
            arena,
            codes,
            known: Vec::new(),
            main,
            inert: if settings.traced { inert(main) } else { Vec::new() },
            world,
            settings,
            options: options.collect(),
            packages: Vec::new(),
            locals: Vec::new(),
            frame,
            place: (source, Span::default()),
            contexts: Vec::new(),
            free_contexts: Vec::new(),
            schema_depth: 0,
            mixing: Vec::new(),
            schema_expr_depth: 0,
            depth: 0,
            steps: 0,
            targets: Vec::new(),
            backtracks: Vec::new(),
            stmt: StmtId::default(),
            recorded: Vec::new(),
            instances: FxHashMap::default(),
            gathered: Vec::new(),
            spare: Vec::new(),
            scalars: Vec::new(),
            schema_scalar: None,
            output: None,
            printed: String::new(),
            tracer: Tracer::new(settings.traced, main),
        })
    }

    /// Evaluates the imported packages, then the main package.
    ///
    /// # Errors
    /// The first failure, with its place.
    pub fn evaluate(mut self, closure: &[PackageId]) -> Result<Evaluated<'r>, Box<Diagnostic>> {
        match self.within_memory(|run| run.evaluate_all(closure)) {
            Ok(value) => {
                let plain = self.plain_that_was_read();
                let Self { output, printed, tracer, main, codes, .. } = self;
                let uses = Uses::new(tracer, main, codes, output.is_none(), plain);
                Ok(Evaluated { value, output, printed, uses })
            }
            Err(failure) => Err(self.diagnostic(failure)),
        }
    }

    /// Evaluates the imported packages alone: whether they can be, and everything that this depends on.
    ///
    /// # Errors
    /// The first failure, with its place.
    pub fn health(mut self, closure: &[PackageId]) -> Result<Health, Box<Diagnostic>> {
        match self.within_memory(|run| run.evaluate_imports(closure)) {
            Ok(()) => {
                let trace = self.tracer.all();
                // Nobody has noted what else values depend on that come to the same only here and now.
                let settled = trace.volatile.is_empty() && !trace.coarse && !trace.location;
                let values = if settled { self.all_plain(closure) } else { Plain::default() };
                let values = values.into_iter().map(|(used, value)| (used, value.fingerprint)).collect();
                Ok(Health { trace, prints: self.tracer.effects(), values })
            }
            Err(failure) => Err(self.diagnostic(failure)),
        }
    }

    fn evaluate_imports(&mut self, closure: &[PackageId]) -> Outcome<()> {
        let last = closure.iter().map(|id| id.0 as usize + 1).max();
        self.known.resize(last.unwrap_or(0), None);
        for id in closure {
            self.known[id.0 as usize] = self.codes.code(*id);
        }
        let mut codes = closure.iter().filter_map(|id| self.codes.code(*id));
        codes.try_for_each(|code| self.package(code))?;
        self.tracer.imported(self.output.as_deref());
        Ok(())
    }

    fn evaluate_all(&mut self, closure: &[PackageId]) -> Outcome<Value<'r>> {
        self.evaluate_imports(closure)?;
        self.package(self.main)?;
        match self.document() {
            // Scalars that contradict the variables do not matter where the program has said what its output is.
            Err(_) if self.output.is_some() => Ok(Value::Undefined),
            document => document,
        }
    }

    /// A failure with its place; one without is where the run is.
    fn diagnostic(&self, failure: Failure) -> Box<Diagnostic> {
        match failure {
            Failure::At(diagnostic) => diagnostic,
            Failure::Message(message) => {
                let (source, span) = self.place;
                Box::new(Diagnostic::new(Code::Evaluation, source, span, message))
            }
        }
    }

    fn code(&self, id: PackageId) -> Option<&'r PackageCode> {
        match self.known.get(id.0 as usize) {
            Some(Some(code)) => Some(code),
            _ if id == self.main.id => Some(self.main),
            _ => self.codes.code(id),
        }
    }

    fn source_of(&self, package: PackageId, file: u32) -> &'r Arc<Source> {
        let file = self.code(package).and_then(|code| code.files.get(file as usize));
        file.map_or(self.frame.source, |file| &file.source)
    }

    /// Runs something in another frame.
    fn within<T>(&mut self, frame: Frame<'r>, run: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        let around = std::mem::replace(&mut self.frame, frame);
        let result = run(self);
        self.frame = around;
        result
    }

    /// Counts a level of nesting that takes stack.
    fn nested<T>(&mut self, run: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        if self.depth >= MAX_DEPTH {
            return Err(format!("the program is nested more than {MAX_DEPTH} calls deep").into());
        }
        self.step()?;
        self.depth += 1;
        let result = run(self);
        self.depth -= 1;
        result
    }

    /// New locals, unset.
    fn push_locals(&mut self, count: u32) -> usize {
        let base = self.locals.len();
        self.locals.resize(base + count as usize, Value::Undefined);
        base
    }

    fn local(&self, at: u32) -> Value<'r> {
        self.locals[self.frame.base + at as usize]
    }

    fn set_local(&mut self, at: u32, value: Value<'r>) {
        self.locals[self.frame.base + at as usize] = value;
    }

    fn list(&self, items: &[Value<'r>]) -> Value<'r> {
        Value::List(self.arena.alloc_slice_copy(items))
    }

    fn dict(&self, dict: Dict<'r>) -> Value<'r> {
        Value::Dict(self.arena.alloc(dict))
    }

    fn work_dir(&self) -> &'r Path {
        &self.settings.work_dir
    }
}
