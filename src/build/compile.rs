//! One program: load, check, lower, evaluate, plan.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use bumpalo::Bump;
use kcl::eval::{Health, Limits, Run, Settings, Trace};
use kcl::lower::code::PackageCode;
use kcl::lower::lower_main;
use kcl::package::PackageId;
use kcl::plan::{self, PlanOptions};
use kcl::resolve::{FORMS, Main, Override, Program, Request};
use kcl::stdlib::Failure;
use kcl::types::{check_main, check_main_of_sound};
use kcl::value::Value;
use kcl::world::World;
use rayon::prelude::*;
use syntax::{Code, Diagnostic};

use super::profile::{Profile, Step, timed};
use crate::monorepo::{CompileUnit, DiskWorld};

/// What a program came to.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The document, with a newline at its end.
    pub text: String,
    /// What the program printed while it ran.
    pub printed: String,
    /// What the document depends on.
    pub trace: Trace,
}

/// A program that is loaded, checked and lowered.
pub struct Ready {
    /// Its main package and what that imports.
    pub main: Main,
    /// The code of the main package.
    pub code: PackageCode,
    /// What is legal in it, but hardly meant.
    pub warnings: Vec<Diagnostic>,
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// YAML, byte for byte as the reference writes it.
    #[default]
    Yaml,
    /// JSON.
    Json,
}

/// What all compiles of a process share.
pub struct Shared<'a> {
    /// Packages, parsed, checked and lowered once.
    pub program: &'a Program,
    /// The outside.
    pub world: &'a DiskWorld,
    /// Where packages are looked for that no `kcl.mod` names.
    pub package_dir: Option<PathBuf>,
    /// How much each program may do.
    pub limits: Limits,
    /// Whether somebody wants to know what documents depend on.
    pub traced: bool,
    /// Where steps are measured.
    pub profile: Option<&'a Profile>,
}

/// Compiles a program; also gives what is legal in it, but hardly meant. The calling thread needs
/// [`kcl::eval::STACK_BYTES`] of stack.
///
/// # Errors
/// All that is wrong with its text and types, or else the first failure while it ran.
pub fn compile(
    shared: &Shared<'_>,
    unit: &CompileUnit,
    format: Format,
) -> Result<(Compiled, Vec<Diagnostic>), Vec<Diagnostic>> {
    let ready = prepare(shared, unit, shared.world)?;
    let compiled = evaluate(shared, unit, &ready, format)?;
    Ok((compiled, ready.warnings))
}

/// What is known of the types of a program without a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    /// Nothing.
    Nothing,
    /// The checker has nothing to say of what it imports.
    Imports,
    /// The checker has nothing to say, and what it imports was checked.
    All,
}

/// Loads, checks and lowers a program; `world` is the shared one, or somebody who listens to what is asked of it.
///
/// # Errors
/// All that is wrong with its text and types.
pub fn prepare(shared: &Shared<'_>, unit: &CompileUnit, world: &dyn World) -> Result<Ready, Vec<Diagnostic>> {
    prepare_known(shared, unit, world, |_| Sound::Nothing, false)
}

/// The same for a program of which something may be known once it is loaded; `idle` says that there are threads which have nothing else
/// to do.
///
/// # Errors
/// As [`prepare`].
pub fn prepare_known(
    shared: &Shared<'_>,
    unit: &CompileUnit,
    world: &dyn World,
    known: impl FnOnce(&Main) -> Sound,
    idle: bool,
) -> Result<Ready, Vec<Diagnostic>> {
    let (profile, request) = (shared.profile, request(shared, unit)?);
    let main = timed(profile, Step::Parse, || shared.program.load_main(world, &request));
    let mut warnings = sound(main.problems.clone())?;
    if main.cyclic || main.package.files.is_empty() {
        return Err(warnings);
    }
    let merged = timed(profile, Step::Check, || main.merged());
    let (known, program) = (known(&main), shared.program);
    let check = || {
        timed(profile, Step::Check, || match known {
            Sound::Nothing => check_main(program, &main, &merged),
            Sound::Imports => check_main_of_sound(program, &main, &merged),
            Sound::All => Vec::new(),
        })
    };
    let lower = || timed(profile, Step::Lower, || lower_imports(program, &main.closure, idle));
    let problems = if idle && known != Sound::Nothing { rayon::join(check, lower).0 } else { check() };
    warnings.extend(sound(problems)?);
    // What was lowered meanwhile is not lowered again.
    lower();
    let code = timed(profile, Step::Lower, || lower_main(&main, &merged, program));
    drop(merged);
    Ok(Ready { main, code, warnings })
}

/// Evaluates a program. The calling thread needs [`kcl::eval::STACK_BYTES`] of stack.
///
/// # Errors
/// The first failure while it ran.
pub fn evaluate(
    shared: &Shared<'_>,
    unit: &CompileUnit,
    ready: &Ready,
    format: Format,
) -> Result<Compiled, Vec<Diagnostic>> {
    with_arena(shared.limits, |arena| evaluate_in(arena, shared, unit, ready, format))
}

fn evaluate_in(
    arena: &Bump,
    shared: &Shared<'_>,
    unit: &CompileUnit,
    ready: &Ready,
    format: Format,
) -> Result<Compiled, Vec<Diagnostic>> {
    let settings = settings(unit, shared.limits, shared.traced);
    let Some(run) = Run::new(arena, shared.program, &ready.code, shared.world, &settings) else {
        return Err(Vec::new());
    };
    let evaluated = timed(shared.profile, Step::Evaluate, || run.evaluate(&ready.main.closure));
    let evaluated = evaluated.map_err(|failure| vec![*failure])?;
    let document = match evaluated.output {
        Some(output) if format == Format::Yaml => Ok(output),
        _ => timed(shared.profile, Step::Emit, || emitted(arena, evaluated.value, unit, format)),
    };
    let text = with_newline(document.map_err(|failure| vec![placed(failure)])?);
    Ok(Compiled { text, printed: evaluated.printed, trace: evaluated.uses.finish() })
}

/// Whether packages can be evaluated for a unit, without its main package: what that depends on, and whether one of
/// them says what the output is. `None` where one fails.
pub fn health(shared: &Shared<'_>, unit: &CompileUnit, closure: &[PackageId]) -> Option<Health> {
    let settings = settings(unit, shared.limits, true);
    let code = PackageCode::empty();
    with_arena(shared.limits, |arena| {
        Run::new(arena, shared.program, &code, shared.world, &settings)?.health(closure).ok()
    })
}

thread_local! {
    /// What the last run of this thread has left of its arena, and how large that was when it was new.
    static ARENA: Cell<Option<(usize, Bump)>> = const { Cell::new(None) };
}

/// So many bytes an arena begins with. None of 1,200 stacks of a grown monorepo needs more.
const ARENA_BYTES: usize = 2 << 20;

/// Gives work an empty arena, in memory that was used before if there is some: the system clears what it gives anew.
fn with_arena<T>(limits: Limits, work: impl FnOnce(&Bump) -> T) -> T {
    let bytes = ARENA_BYTES.min(limits.memory / 2);
    let kept = ARENA.take().filter(|(other, _)| *other == bytes);
    let mut arena = kept.map_or_else(|| Bump::with_capacity(bytes), |(_, arena)| arena);
    let new = arena.allocated_bytes();
    let result = work(&arena);
    arena.reset();
    // The limit counts what an arena has, so one that had to grow is not like a new one.
    if arena.allocated_bytes() == new {
        ARENA.set(Some((bytes, arena)));
    }
    result
}

/// What `work` gives; or what it said when it crashed, which is always a bug.
///
/// # Errors
/// Where it crashed.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // What a crash leaves half done is the memory of this run, which nobody sees again.
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text =
            panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
        text.unwrap_or("no reason given").to_owned()
    })
}

/// What the resolver needs to know of a unit.
fn request(shared: &Shared<'_>, unit: &CompileUnit) -> Result<Request, Vec<Diagnostic>> {
    let refused = |message| vec![Diagnostic::placeless(Code::InvalidSyntax, message).hint(FORMS)];
    let overrides: Result<_, _> = unit.flags.overrides.iter().map(|spec| Override::parse(spec)).collect();
    let request = crate::graph::imports::request(unit, shared.package_dir.clone());
    Ok(Request { overrides: overrides.map_err(refused)?, ..request })
}

/// Warnings, if there is nothing worse.
fn sound(problems: Vec<Diagnostic>) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    if problems.iter().any(|problem| problem.code.is_error()) { Err(problems) } else { Ok(problems) }
}

/// How many packages may lead from one to the next for them to be lowered one inside of the other.
const SHALLOW: usize = 128;

/// Lowers packages, each after those that it imports, where nobody did so before; on threads that are `idle` also side by side.
fn lower_imports(program: &Program, closure: &[PackageId], idle: bool) {
    let lower = |id: &PackageId| _ = program.code(*id);
    if idle && closure.len() <= SHALLOW {
        closure.par_iter().for_each(lower);
    } else {
        closure.iter().for_each(lower);
    }
}

fn settings(unit: &CompileUnit, limits: Limits, traced: bool) -> Settings {
    Settings {
        work_dir: unit.work_dir.clone(),
        module_root: unit.module_root.clone(),
        options: unit.options.clone(),
        strict_range: unit.flags.strict_range.unwrap_or(false),
        limits,
        traced,
    }
}

/// The document of a value, or of those parts of it that are selected.
fn emitted<'a>(
    arena: &'a Bump,
    value: Value<'a>,
    unit: &CompileUnit,
    format: Format,
) -> Result<String, Failure> {
    let show_hidden = unit.flags.show_hidden.unwrap_or(false);
    let value = plan::select(arena, value, &unit.flags.selectors, show_hidden)?;
    document(value, unit, format)
}

fn document(value: Value<'_>, unit: &CompileUnit, format: Format) -> Result<String, Failure> {
    let flags = &unit.flags;
    let options = PlanOptions {
        sort_keys: flags.sort_keys.unwrap_or(false),
        include_schema_type_path: flags.include_schema_type_path.unwrap_or(false),
        show_hidden: flags.show_hidden.unwrap_or(false),
        disable_none: flags.disable_none.unwrap_or(false),
        ..PlanOptions::default()
    };
    match format {
        Format::Yaml => plan::yaml(value, &options),
        Format::Json => plan::json(value, &options),
    }
}

fn placed(failure: Failure) -> Diagnostic {
    match failure {
        Failure::At(diagnostic) => *diagnostic,
        Failure::Message(message) => Diagnostic::placeless(Code::Evaluation, message),
    }
}

fn with_newline(mut text: String) -> String {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}
