//! Random programs, most of them well typed. The same seed gives the same program.
//!
//! Programs stay within what has one meaning: no clock, no random numbers, no arithmetic near its limits.

use std::fmt::Write as _;

use fastrand::Rng;

/// A type of the generator.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ty {
    Int,
    Str,
    Bool,
    List(Box<Ty>),
    /// Keys are strings.
    Dict(Box<Ty>),
    /// The number of a schema.
    Schema(usize),
}

struct Attr {
    name: String,
    ty: Ty,
    optional: bool,
    default: bool,
}

struct Schema {
    name: String,
    /// The type of its argument.
    argument: Option<Ty>,
    attrs: Vec<Attr>,
    /// Whether other keys are taken, with integers as values.
    open: bool,
}

/// A program under construction.
struct Generator {
    rng: Rng,
    text: String,
    schemas: Vec<Schema>,
    /// What can be read, and its type.
    names: Vec<(String, Ty)>,
    /// How many mistakes are still to be made.
    mistakes: u32,
}

/// The program of a seed. One in three has a mistake in it.
pub(crate) fn program(seed: u64) -> String {
    let mut rng = Rng::with_seed(seed);
    let mistakes = u32::from(rng.u32(0..3) == 0);
    let mut generator =
        Generator { rng, text: String::new(), schemas: Vec::new(), names: Vec::new(), mistakes };
    generator.run();
    generator.text
}

impl Generator {
    fn run(&mut self) {
        for number in 0..self.rng.usize(0..4) {
            self.schema(number);
        }
        for number in 0..self.rng.usize(1..3) {
            self.lambda(number);
        }
        for number in 0..self.rng.usize(2..8) {
            match self.rng.u32(0..8) {
                0 => self.unification(number),
                1 => self.branches(number),
                2 => self.changed(number),
                _ => self.global(number),
            }
        }
    }

    fn chance(&mut self, one_in: u32) -> bool {
        self.rng.u32(0..one_in) == 0
    }

    /// Whether to make a mistake here.
    fn slips(&mut self) -> bool {
        let slips = self.mistakes > 0 && self.chance(12);
        self.mistakes -= u32::from(slips);
        slips
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.rng.usize(0..of.len())]
    }

    fn line(&mut self, text: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{text}");
    }

    fn ty(&mut self, depth: u32) -> Ty {
        match self.rng.u32(0..if depth == 0 { 4 } else { 7 }) {
            0 | 1 => Ty::Int,
            2 => Ty::Str,
            3 => Ty::Bool,
            4 => Ty::List(Box::new(self.ty(depth - 1))),
            5 => Ty::Dict(Box::new(self.ty(depth - 1))),
            _ if self.schemas.is_empty() => Ty::Int,
            _ => Ty::Schema(self.rng.usize(0..self.schemas.len())),
        }
    }

    fn spelled(&self, ty: &Ty) -> String {
        match ty {
            Ty::Int => "int".into(),
            Ty::Str => "str".into(),
            Ty::Bool => "bool".into(),
            Ty::List(item) => format!("[{}]", self.spelled(item)),
            Ty::Dict(value) => format!("{{str:{}}}", self.spelled(value)),
            Ty::Schema(number) => self.schemas[*number].name.clone(),
        }
    }

    fn schema(&mut self, number: usize) {
        let name = format!("S{number}");
        let base = if number > 0 && self.chance(3) { Some(self.rng.usize(0..number)) } else { None };
        let mixin = self.chance(4).then(|| self.mixin(number));
        let argument = (base.is_none() && self.chance(5)).then(|| self.ty(0));
        let parameter =
            argument.as_ref().map_or_else(String::new, |ty| format!("[arg{number}: {}]", self.spelled(ty)));
        let parent = base.map_or_else(String::new, |base| format!("({})", self.schemas[base].name));
        self.line(&format!("schema {name}{parameter}{parent}:"));
        let mut attrs = Vec::new();
        let outside = self.names.len();
        if let Some(attr) = mixin {
            self.line(&format!("    mixin [X{number}Mixin]"));
            attrs.push(attr);
        }
        self.names.extend(argument.iter().map(|ty| (format!("arg{number}"), ty.clone())));
        for at in 0..self.rng.usize(1..5) {
            let ty = self.ty(2);
            let attr = Attr {
                name: format!("{}{number}{at}", self.pick(&["a", "b", "c"])),
                optional: self.chance(3),
                default: self.chance(2),
                ty,
            };
            let mark = if attr.optional { "?" } else { "" };
            let head = format!("    {}{mark}: {}", attr.name, self.spelled(&attr.ty));
            let default = if attr.default { format!(" = {}", self.expr(&attr.ty, 2)) } else { String::new() };
            self.line(&format!("{head}{default}"));
            // A collection that two attributes share is changed for both in the reference: that is no meaning.
            if attr.default && matches!(attr.ty, Ty::Int | Ty::Str | Ty::Bool) {
                self.names.push((attr.name.clone(), attr.ty.clone()));
            }
            attrs.push(attr);
        }
        let open = base.is_none() && attrs.iter().all(|attr| attr.ty == Ty::Int) && self.chance(2);
        if open {
            self.line("    [k: str]: int");
        }
        if self.chance(3) {
            let test = self.expr(&Ty::Bool, 1);
            self.line(&format!("    check:\n        {test} or True, \"never\""));
        }
        self.names.truncate(outside);
        if let Some(base) = base {
            let inherited = self.schemas[base].attrs.iter().map(|it| Attr {
                name: it.name.clone(),
                ty: it.ty.clone(),
                optional: it.optional,
                default: it.default,
            });
            attrs.extend(inherited.collect::<Vec<_>>());
        }
        let argument = base.map_or(argument, |base| self.schemas[base].argument.clone());
        self.schemas.push(Schema { name, argument, attrs, open });
        self.line("");
    }

    /// A mixin of one attribute with a default.
    fn mixin(&mut self, number: usize) -> Attr {
        let ty = self.ty(1);
        let name = format!("m{number}");
        let (spelled, value) = (self.spelled(&ty), self.expr(&ty, 1));
        self.line(&format!("schema X{number}Mixin:\n    {name}: {spelled} = {value}\n"));
        Attr { name, ty, optional: false, default: true }
    }

    fn lambda(&mut self, number: usize) {
        let result = self.ty(1);
        let outside = self.names.len();
        let parameter = self.ty(1);
        self.names.push(("p".into(), parameter.clone()));
        let body = self.expr(&result, 2);
        self.names.truncate(outside);
        let (given, gives) = (self.spelled(&parameter), self.spelled(&result));
        self.line(&format!("f{number} = lambda p: {given} -> {gives} {{\n    {body}\n}}"));
        let argument = self.expr(&parameter, 1);
        self.line(&format!("r{number} = f{number}({argument})"));
        self.names.push((format!("r{number}"), result));
    }

    fn global(&mut self, number: usize) {
        let ty = self.ty(2);
        let private = if self.chance(4) { "_" } else { "" };
        let name = format!("{private}g{number}");
        let value = self.expr(&ty, 3);
        let annotation = if self.chance(3) { format!(": {}", self.spelled(&ty)) } else { String::new() };
        self.line(&format!("{name}{annotation} = {value}"));
        if self.slips() {
            self.line(&format!("g{number} = {value}"));
        }
        if !private.is_empty() && self.chance(2) {
            let again = self.expr(&ty, 2);
            self.line(&format!("{name} = {again}"));
        }
        self.names.push((name, ty));
    }

    /// One or two declarations of a name that become one.
    fn unification(&mut self, number: usize) {
        if self.schemas.is_empty() {
            return self.global(number);
        }
        let schema = self.rng.usize(0..self.schemas.len());
        let value = self.instance(schema, 1);
        self.line(&format!("u{number}: {value}"));
        if self.chance(2) {
            let attr = self.rng.usize(0..self.schemas[schema].attrs.len());
            let Attr { name, ty, .. } = &self.schemas[schema].attrs[attr];
            let (name, ty) = (name.clone(), ty.clone());
            let value = self.expr(&ty, 1);
            if self.schemas[schema].argument.is_none() {
                let text = format!("u{number}: {} {{{name} = {value}}}", self.schemas[schema].name);
                self.line(&text);
            }
        }
        self.names.push((format!("u{number}"), Ty::Schema(schema)));
    }

    /// A variable that is set in the arms of an `if`, and read before or after.
    fn branches(&mut self, number: usize) {
        let ty = self.ty(1);
        let (test, other) = (self.expr(&Ty::Bool, 2), self.expr(&Ty::Bool, 1));
        let values: Vec<_> = (0..4).map(|_| self.expr(&ty, 2)).collect();
        let name = format!("_b{number}");
        if self.chance(2) {
            self.line(&format!("e{number} = {name}"));
        }
        self.line(&format!("{name} = {}", values[0]));
        self.line(&format!("if {test}:\n    {name} = {}", values[1]));
        if self.chance(2) {
            self.line(&format!("elif {other}:\n    {name} = {}", values[2]));
        }
        if self.chance(2) {
            self.line(&format!("else:\n    {name} = {}", values[3]));
        }
        self.line(&format!("b{number} = {name}"));
        self.names.push((format!("b{number}"), ty));
    }

    /// A variable that is changed step by step.
    fn changed(&mut self, number: usize) {
        let name = format!("_c{number}");
        let ty = match self.rng.u32(0..3) {
            0 => Ty::Int,
            1 => Ty::Str,
            _ => Ty::List(Box::new(Ty::Int)),
        };
        let first = self.expr(&ty, 1);
        self.line(&format!("{name} = {first}"));
        for _ in 0..self.rng.usize(1..3) {
            let more = self.expr(&ty, 1);
            match self.rng.u32(0..3) {
                0 => self.line(&format!("{name} = {name} + {more}")),
                _ => self.line(&format!("{name} += {more}")),
            }
        }
        self.line(&format!("c{number} = {name}"));
        self.names.push((format!("c{number}"), ty));
    }

    /// An expression of a type, or of another one by mistake.
    fn expr(&mut self, ty: &Ty, depth: u32) -> String {
        if self.slips() {
            return match self.rng.u32(0..3) {
                0 => "missing".into(),
                1 => "(1 + \"a\")".into(),
                _ => {
                    let other = self.ty(1);
                    self.expr(&other, depth)
                }
            };
        }
        if depth == 0 || self.chance(4) {
            return self.leaf(ty);
        }
        match self.rng.u32(0..10) {
            9 => self.member(ty).unwrap_or_else(|| self.leaf(ty)),
            0 => {
                let test = self.expr(&Ty::Bool, depth - 1);
                let (then, otherwise) = (self.expr(ty, depth - 1), self.expr(ty, depth - 1));
                format!("({then} if {test} else {otherwise})")
            }
            1 => {
                let items: Vec<_> = (0..3).map(|_| self.expr(ty, depth - 1)).collect();
                let at = self.rng.usize(0..3);
                format!("[{}][{at}]", items.join(", "))
            }
            2 if matches!(ty, Ty::Int | Ty::Str) => {
                format!("{{k = {}}}.k", self.expr(ty, depth - 1))
            }
            _ => self.built(ty, depth - 1),
        }
    }

    /// An attribute of an instance that has a name.
    fn member(&mut self, ty: &Ty) -> Option<String> {
        let mut known = Vec::new();
        for (name, of) in &self.names {
            let Ty::Schema(schema) = of else { continue };
            let fitting = self.schemas[*schema].attrs.iter().filter(|attr| attr.ty == *ty && !attr.optional);
            known.extend(fitting.map(|attr| format!("{name}.{}", attr.name)));
        }
        if known.is_empty() { None } else { Some(known.swap_remove(self.rng.usize(0..known.len()))) }
    }

    fn leaf(&mut self, ty: &Ty) -> String {
        let known: Vec<String> =
            self.names.iter().filter(|(_, known)| known == ty).map(|(name, _)| name.clone()).collect();
        if !known.is_empty() && self.chance(2) {
            return known[self.rng.usize(0..known.len())].clone();
        }
        match ty {
            Ty::Int => self.rng.i32(-3..40).to_string(),
            Ty::Str => {
                let texts = [
                    "\"\"",
                    "\"a\"",
                    "\"Ab c\"",
                    "'x,y'",
                    "\"k1\"",
                    "\"é\"",
                    "\"1\"",
                    "\"a: b\"",
                    "\"- \\n\"",
                ];
                self.pick(&texts).into()
            }
            Ty::Bool => self.pick(&["True", "False"]).into(),
            Ty::List(item) => {
                let items: Vec<_> = (0..self.rng.usize(0..3)).map(|_| self.leaf(item)).collect();
                format!("[{}]", items.join(", "))
            }
            Ty::Dict(value) => {
                let entries: Vec<_> =
                    (0..self.rng.usize(0..3)).map(|at| format!("k{at} = {}", self.leaf(value))).collect();
                format!("{{{}}}", entries.join(", "))
            }
            Ty::Schema(number) => self.instance(*number, 0),
        }
    }

    fn built(&mut self, ty: &Ty, depth: u32) -> String {
        match ty {
            Ty::Int => self.int(depth),
            Ty::Str => self.string(depth),
            Ty::Bool => self.truth(depth),
            Ty::List(item) => self.list(item, depth),
            Ty::Dict(value) => self.dict(value, depth),
            Ty::Schema(number) => self.instance(*number, depth),
        }
    }

    fn int(&mut self, depth: u32) -> String {
        let (a, b) = (self.expr(&Ty::Int, depth), self.expr(&Ty::Int, depth));
        match self.rng.u32(0..10) {
            0 => format!("({a} + {b})"),
            1 => format!("({a} - {b})"),
            2 => format!("({a} * {b})"),
            3 => format!("({a} // {})", self.rng.i32(1..9)),
            4 => format!("({a} % {})", self.rng.i32(1..9)),
            5 => format!("len({})", self.expr(&Ty::Str, depth)),
            6 => format!("len({})", self.expr(&Ty::List(Box::new(Ty::Int)), depth)),
            7 => format!("max({a}, {b})"),
            8 => format!("abs({a})"),
            _ => format!("sum([{a}, {b}])"),
        }
    }

    fn string(&mut self, depth: u32) -> String {
        let a = self.expr(&Ty::Str, depth);
        match self.rng.u32(0..9) {
            0 => format!("({a} + {})", self.expr(&Ty::Str, depth)),
            1 => format!("({a} * {})", self.rng.i32(0..4)),
            2 => {
                let method = self.pick(&["upper", "lower", "title", "strip", "capitalize"]);
                format!("({a}).{method}()")
            }
            3 => {
                let any = self.ty(1);
                let value = self.expr(&any, depth);
                format!("str({value})")
            }
            4 => format!("({a})[{}:]", self.rng.i32(-3..3)),
            5 => format!("({a}).replace(\"a\", {})", self.expr(&Ty::Str, 0)),
            6 => format!("\",\".join({})", self.expr(&Ty::List(Box::new(Ty::Str)), depth)),
            7 => {
                let names: Vec<String> = self.names.iter().map(|(name, _)| name.clone()).collect();
                if names.is_empty() {
                    return a;
                }
                let name = &names[self.rng.usize(0..names.len())];
                format!("\"<${{{name}}}>\"")
            }
            _ => format!("\"{{}}-{{}}\".format({a}, {})", self.expr(&Ty::Int, depth)),
        }
    }

    fn truth(&mut self, depth: u32) -> String {
        let (a, b) = (self.expr(&Ty::Int, depth), self.expr(&Ty::Int, depth));
        match self.rng.u32(0..8) {
            0 => {
                let operator = self.pick(&["<", "<=", ">", ">=", "==", "!="]);
                format!("({a} {operator} {b})")
            }
            1 => format!("({} and {})", self.expr(&Ty::Bool, depth), self.expr(&Ty::Bool, depth)),
            2 => format!("({} or {})", self.expr(&Ty::Bool, depth), self.expr(&Ty::Bool, depth)),
            3 => format!("(not ({}))", self.expr(&Ty::Bool, depth)),
            4 => format!("({a} in {})", self.expr(&Ty::List(Box::new(Ty::Int)), depth)),
            5 => {
                let quantifier = self.pick(&["all", "any"]);
                format!("({quantifier} q in [{a}, {b}] {{ q > {} }})", self.rng.i32(0..20))
            }
            6 => format!("({}).startswith(\"a\")", self.expr(&Ty::Str, depth)),
            _ => {
                let same = self.ty(1);
                format!("({} == {})", self.expr(&same, depth), self.expr(&same, depth))
            }
        }
    }

    fn list(&mut self, item: &Ty, depth: u32) -> String {
        let whole = Ty::List(Box::new(item.clone()));
        match self.rng.u32(0..8) {
            0 => format!("({} + {})", self.expr(&whole, depth), self.expr(&whole, depth)),
            1 => {
                let source = self.expr(&Ty::List(Box::new(Ty::Int)), depth);
                self.names.push(("v".into(), Ty::Int));
                let (element, test) = (self.expr(item, depth), self.expr(&Ty::Bool, depth));
                self.names.pop();
                format!("[{element} for v in {source} if {test}]")
            }
            2 => format!("({})[:{}]", self.expr(&whole, depth), self.rng.i32(-2..4)),
            3 => {
                let test = self.expr(&Ty::Bool, depth);
                let (then, last) = (self.expr(item, depth), self.expr(item, depth));
                format!("[if {test}: {then}\n{last}]").replace('\n', ", ")
            }
            4 => format!("[*{}, {}]", self.expr(&whole, depth), self.expr(item, depth)),
            5 if *item == Ty::Int => format!("range({})", self.rng.i32(0..6)),
            5 if matches!(item, Ty::Str) => format!("sorted({})", self.expr(&whole, depth)),
            6 => {
                let kind = self.pick(&["filter", "map"]);
                let source = self.leaf(&whole);
                self.names.push(("e".into(), item.clone()));
                let body = if kind == "map" { self.expr(item, depth) } else { self.expr(&Ty::Bool, depth) };
                self.names.pop();
                let quantified = if source.starts_with('[') { source } else { format!("{source}[:]") };
                format!("({kind} e in {quantified} {{ {body} }})")
            }
            _ => {
                let items: Vec<_> = (0..self.rng.usize(0..4)).map(|_| self.expr(item, depth)).collect();
                format!("[{}]", items.join(", "))
            }
        }
    }

    fn dict(&mut self, value: &Ty, depth: u32) -> String {
        let whole = Ty::Dict(Box::new(value.clone()));
        match self.rng.u32(0..6) {
            0 => format!("({} | {})", self.expr(&whole, depth), self.expr(&whole, depth)),
            1 => format!("{{**{}, k5 = {}}}", self.expr(&whole, depth), self.expr(value, depth)),
            2 => {
                let source = self.expr(&Ty::List(Box::new(Ty::Str)), depth);
                format!("{{w = {} for w in {source}}}", self.expr(value, depth))
            }
            3 => {
                let test = self.expr(&Ty::Bool, depth);
                let (then, other) = (self.expr(value, depth), self.expr(value, depth));
                format!("{{if {test}: k1 = {then} else: k2 = {other}}}")
            }
            _ => {
                let entries: Vec<_> = (0..self.rng.usize(0..4))
                    .map(|at| {
                        let operator = self.pick(&["=", "=", ":"]);
                        let key = if self.chance(3) { format!("\"k.{at}\"") } else { format!("k{at}") };
                        format!("{key} {operator} {}", self.expr(value, depth))
                    })
                    .collect();
                format!("{{{}}}", entries.join(", "))
            }
        }
    }

    fn instance(&mut self, number: usize, depth: u32) -> String {
        let mut entries = Vec::new();
        for at in 0..self.schemas[number].attrs.len() {
            let Attr { name, ty, optional, default } = &self.schemas[number].attrs[at];
            let (name, ty, needed) = (name.clone(), ty.clone(), !optional && !default);
            if self.slips() {
                continue;
            }
            if needed || self.chance(2) {
                let operator = self.pick(&["=", "=", ":"]);
                entries.push(format!("{name} {operator} {}", self.expr(&ty, depth.min(1))));
            }
        }
        if self.slips() {
            entries.push("zz = 1".into());
        }
        if self.schemas[number].open && self.chance(2) {
            entries.push(format!("more = {}", self.expr(&Ty::Int, 0)));
        }
        let argument = self.schemas[number].argument.clone();
        let argument = argument.map_or_else(String::new, |ty| format!("({})", self.expr(&ty, 0)));
        let instance = format!("{}{argument} {{{}}}", self.schemas[number].name, entries.join(", "));
        if depth == 0 || !self.chance(4) {
            return instance;
        }
        let attr = self.rng.usize(0..self.schemas[number].attrs.len());
        let Attr { name, ty, .. } = &self.schemas[number].attrs[attr];
        let (name, ty) = (name.clone(), ty.clone());
        format!("({instance} | {{{name} = {}}})", self.expr(&ty, depth - 1))
    }
}
