//! One program: load, check, lower, evaluate, plan.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use bumpalo::Bump;
use kcl::eval::{Limits, Run, Settings};
use kcl::lower::code::PackageCode;
use kcl::lower::lower;
use kcl::plan::{self, PlanOptions};
use kcl::resolve::{Main, Override, Program, Request};
use kcl::stdlib::{Failure, Volatile};
use kcl::types::check_main;
use syntax::{Code, Diagnostic};

use crate::monorepo::{CompileUnit, DiskWorld};

/// What a program came to.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// The document, with a newline at its end.
    pub text: String,
    /// What the program printed while it ran.
    pub printed: String,
    /// What made the document depend on more than its inputs.
    pub volatile: Vec<Volatile>,
    /// What is legal, but hardly meant.
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
}

/// Compiles a program. The calling thread needs [`kcl::eval::STACK_BYTES`] of stack.
///
/// # Errors
/// All that is wrong with its text and types, or else the first failure while it ran.
pub fn compile(shared: &Shared<'_>, unit: &CompileUnit, format: Format) -> Result<Compiled, Vec<Diagnostic>> {
    let main = shared.program.load_main(shared.world, &request(shared, unit)?);
    let mut warnings = sound(main.problems.clone())?;
    if main.cyclic || main.package.files.is_empty() {
        return Err(warnings);
    }
    warnings.extend(sound(check_main(shared.program, &main))?);
    let code = lower_all(shared.program, &main);
    let settings = settings(unit, shared.limits);
    let arena = Bump::new();
    let Some(run) = Run::new(&arena, shared.program, &code, shared.world, &settings) else {
        return Err(warnings);
    };
    let evaluated = run.evaluate(&main.closure).map_err(|failure| vec![*failure])?;
    let document = match evaluated.output {
        Some(output) if unit.flags.selectors.is_empty() && format == Format::Yaml => Ok(output),
        _ => plan::select(&arena, evaluated.value, &unit.flags.selectors)
            .and_then(|value| document(value, unit, format)),
    };
    let text = with_newline(document.map_err(|failure| vec![placed(failure)])?);
    Ok(Compiled { text, printed: evaluated.printed, volatile: evaluated.trace.volatile, warnings })
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
    let refused = |message| vec![Diagnostic::placeless(Code::InvalidSyntax, message)];
    let overrides: Result<_, _> = unit.flags.overrides.iter().map(|spec| Override::parse(spec)).collect();
    let request = crate::graph::imports::request(unit, shared.package_dir.clone());
    Ok(Request { overrides: overrides.map_err(refused)?, ..request })
}

/// Warnings, if there is nothing worse.
fn sound(problems: Vec<Diagnostic>) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    if problems.iter().any(|problem| problem.code.is_error()) { Err(problems) } else { Ok(problems) }
}

/// Lowers what a main package imports, where nobody did so before, and the main package.
fn lower_all(program: &Program, main: &Main) -> PackageCode {
    for id in &main.closure {
        if let Some(cell) = program.code(*id) {
            cell.get_or_init(|| lower(program.package(*id), None, program));
        }
    }
    lower(&main.package, Some(&main.merged()), program)
}

fn settings(unit: &CompileUnit, limits: Limits) -> Settings {
    Settings {
        work_dir: unit.work_dir.clone(),
        module_root: unit.module_root.clone(),
        options: unit.options.clone(),
        strict_range: unit.flags.strict_range.unwrap_or(false),
        limits,
    }
}

fn document(value: kcl::value::Value<'_>, unit: &CompileUnit, format: Format) -> Result<String, Failure> {
    let flags = &unit.flags;
    let options = PlanOptions {
        sort_keys: flags.sort_keys.unwrap_or(false),
        include_schema_type_path: flags.include_schema_type_path.unwrap_or(false),
        show_hidden: flags.show_hidden.unwrap_or(false),
        disable_none: flags.disable_none.unwrap_or(false),
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
