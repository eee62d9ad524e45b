//! The map of a monorepo: which stacks and packages import which packages, and which files they are made of.
//!
//! Invariant: nodes and edges are in an order that depends on nothing but their paths.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kcl::package::{Package, PackageId};
use kcl::world::{Query, World};
use petgraph::Direction::{Incoming, Outgoing};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::{Dfs as DepthFirst, EdgeRef, Reversed, Walker};
use rayon::prelude::*;
use syntax::Diagnostic;

use super::imports::{Followed, ImportsOf};
use crate::monorepo::{Problem, StackId, marks, paths};

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A stack, by its folder.
    Stack,
    /// A package, by its folder, or by its only file without `.k`.
    Package,
    /// A file of a stack or of a package.
    File,
}

impl Kind {
    /// The word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::Package => "package",
            Self::File => "file",
        }
    }
}

/// A stack, a package or a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// Which of these.
    pub kind: Kind,
    /// From the root.
    pub path: String,
}

impl Node {
    /// Its name among all nodes: a stack and a package may have the same path.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}:{}", self.kind.word(), self.path)
    }
}

/// Who imports what. An edge leads from a stack or package to what it imports, or to a file that it is made of.
#[derive(Default)]
pub struct Map {
    graph: DiGraph<Node, ()>,
}

/// What is wrong with a stack, as far as its settings and imports tell.
pub struct Trouble {
    /// Which.
    pub stack: StackId,
    /// What is wrong with its files and imports.
    pub diagnostics: Vec<Diagnostic>,
    /// What is wrong with its settings and dependencies.
    pub problems: Vec<Problem>,
}

type Edges = BTreeMap<Node, BTreeSet<Node>>;

impl Map {
    /// The map of some stacks and of all that they reach; also what is wrong with them, in their order.
    #[must_use]
    pub fn new(imports: &ImportsOf<'_>, stacks: &[StackId]) -> (Self, Vec<Trouble>) {
        let view = View(imports);
        let read: Vec<_> = stacks.par_iter().map(|stack| view.stack(*stack)).collect();
        let mut edges = Edges::new();
        let mut closure = BTreeSet::new();
        let mut troubles = Vec::new();
        for (node, targets, packages, trouble) in read {
            edges.entry(node).or_default().extend(targets);
            closure.extend(packages);
            troubles.extend(trouble);
        }
        for id in closure {
            let (node, targets) = view.package(id);
            edges.entry(node).or_default().extend(targets);
        }
        (Self::of(edges), troubles)
    }

    fn of(edges: Edges) -> Self {
        let nodes: BTreeSet<&Node> = edges.keys().chain(edges.values().flatten()).collect();
        let mut graph = DiGraph::with_capacity(nodes.len(), edges.values().map(BTreeSet::len).sum());
        let at: BTreeMap<&Node, NodeIndex> =
            nodes.into_iter().map(|node| (node, graph.add_node(node.clone()))).collect();
        for (from, targets) in &edges {
            for to in targets {
                graph.add_edge(at[from], at[to], ());
            }
        }
        Self { graph }
    }

    /// The nodes, in order.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.graph.node_weights()
    }

    /// The edges by their ends, in order.
    #[must_use]
    pub fn edges(&self) -> Vec<(&Node, &Node)> {
        let ends = |edge: petgraph::graph::EdgeReference<'_, ()>| (edge.source(), edge.target());
        let mut edges: Vec<_> = self.graph.edge_references().map(ends).collect();
        edges.sort_unstable();
        edges.into_iter().map(|(from, to)| (&self.graph[from], &self.graph[to])).collect()
    }

    /// Who a node leads to, in order.
    #[must_use]
    pub fn after(&self, node: &Node) -> Vec<&Node> {
        self.neighbours(node, Outgoing)
    }

    /// Who leads to a node, in order.
    #[must_use]
    pub fn before(&self, node: &Node) -> Vec<&Node> {
        self.neighbours(node, Incoming)
    }

    fn neighbours(&self, node: &Node, direction: petgraph::Direction) -> Vec<&Node> {
        let Some(at) = self.find(node) else { return Vec::new() };
        let mut found: Vec<NodeIndex> = self.graph.neighbors_directed(at, direction).collect();
        found.sort_unstable();
        found.into_iter().map(|at| &self.graph[at]).collect()
    }

    /// Nodes are numbered in their order.
    fn find(&self, node: &Node) -> Option<NodeIndex> {
        let nodes = self.graph.raw_nodes();
        nodes.binary_search_by(|it| it.weight.cmp(node)).ok().map(NodeIndex::new)
    }

    /// The same without files.
    #[must_use]
    pub fn without_files(&self) -> Self {
        self.keep(|node| self.graph[node].kind != Kind::File)
    }

    /// The stacks, packages and files of a path, and all that reaches these.
    #[must_use]
    pub fn reaching(&self, path: &str) -> Option<Self> {
        let kinds = [Kind::Stack, Kind::Package, Kind::File];
        let targets = kinds.map(|kind| self.find(&Node { kind, path: path.to_owned() }));
        let mut seen = BTreeSet::new();
        for target in targets.into_iter().flatten() {
            let reversed = Reversed(&self.graph);
            seen.extend(DepthFirst::new(reversed, target).iter(reversed));
        }
        (!seen.is_empty()).then(|| self.keep(|node| seen.contains(&node)))
    }

    fn keep(&self, wanted: impl Fn(NodeIndex) -> bool) -> Self {
        // Nodes keep their order.
        let graph = self.graph.filter_map(|at, node| wanted(at).then(|| node.clone()), |_, ()| Some(()));
        Self { graph }
    }

    /// The packages that import each other in circles, each circle in order.
    #[must_use]
    pub fn cycles(&self) -> Vec<Vec<&Node>> {
        let mut cycles: Vec<Vec<NodeIndex>> = tarjan_scc(&self.graph);
        cycles.retain(|cycle| match cycle[..] {
            [only] => self.graph.contains_edge(only, only),
            _ => true,
        });
        cycles.iter_mut().for_each(|cycle| cycle.sort_unstable());
        cycles.sort_unstable();
        cycles.into_iter().map(|cycle| cycle.into_iter().map(|at| &self.graph[at]).collect()).collect()
    }
}

/// The monorepo as a map sees it.
struct View<'a>(&'a ImportsOf<'a>);

impl View<'_> {
    /// A stack, what it leads to, the packages that it reaches, and what is wrong with it.
    fn stack(&self, stack: StackId) -> (Node, BTreeSet<Node>, Vec<PackageId>, Option<Trouble>) {
        let monorepo = self.0.monorepo;
        let description = monorepo.stack(stack);
        let node = Node { kind: Kind::Stack, path: description.path.clone() };
        let Followed { settings, program } = self.0.follow(stack);
        let mut targets: BTreeSet<Node> = settings.iter().filter_map(|it| self.settings_file(it)).collect();
        let mark = monorepo.folder(description).join(marks::STACK);
        if self.0.world.is_file(&mark) {
            targets.insert(self.node(Kind::File, &mark));
        }
        let trouble = |diagnostics, problems| Some(Trouble { stack, diagnostics, problems });
        match program {
            Err(problem) => (node, targets, Vec::new(), trouble(Vec::new(), vec![problem])),
            Ok((unit, main)) => {
                targets.extend(unit.files.iter().map(|file| self.node(Kind::File, file)));
                targets.extend(self.imports(&main.package));
                let sound = main.problems.is_empty() && unit.missing.is_empty();
                let trouble = if sound { None } else { trouble(main.problems, unit.missing) };
                (node, targets, main.closure, trouble)
            }
        }
    }

    /// A package, and what it leads to.
    fn package(&self, id: PackageId) -> (Node, BTreeSet<Node>) {
        let package = self.0.program.package(id);
        let mut targets: BTreeSet<Node> = self.imports(package).collect();
        targets.extend(package.files.iter().map(|file| self.node(Kind::File, &file.file.path)));
        (self.package_node(id), targets)
    }

    fn imports<'p>(&'p self, package: &'p Package) -> impl Iterator<Item = Node> + 'p {
        package.dependencies.iter().map(|(id, ..)| self.package_node(*id))
    }

    fn package_node(&self, id: PackageId) -> Node {
        self.node(Kind::Package, &self.0.program.place(id))
    }

    /// A file that settings were read from.
    fn settings_file(&self, query: &Query) -> Option<Node> {
        match query {
            Query::Content(path) if self.0.world.is_file(path) => Some(self.node(Kind::File, path)),
            _ => None,
        }
    }

    fn node(&self, kind: Kind, path: &Path) -> Node {
        Node { kind, path: paths::slashed(&paths::relative(&self.0.monorepo.root, path)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(edges: &[(&str, &str)]) -> Map {
        let node = |path: &str| Node { kind: Kind::Package, path: path.to_owned() };
        let mut all = Edges::new();
        for (from, to) in edges {
            all.entry(node(from)).or_default().insert(node(to));
        }
        Map::of(all)
    }

    fn paths(nodes: &[&Node]) -> Vec<String> {
        nodes.iter().map(|node| node.path.clone()).collect()
    }

    #[test]
    fn circles_are_found() {
        let map = map(&[("a", "b"), ("b", "c"), ("c", "b"), ("d", "d"), ("c", "e")]);
        let cycles: Vec<_> = map.cycles().iter().map(|cycle| paths(cycle)).collect();
        assert_eq!(cycles, [vec!["b", "c"], vec!["d"]]);
    }

    #[test]
    fn what_reaches_a_path() {
        let map = map(&[("z", "b"), ("b", "c"), ("a", "d"), ("c", "d")]);
        let reaching = map.reaching("c").expect("a node");
        assert_eq!(paths(&reaching.nodes().collect::<Vec<_>>()), ["b", "c", "z"]);
        let c = Node { kind: Kind::Package, path: "c".to_owned() };
        assert_eq!(paths(&reaching.before(&c)), ["b"]);
        assert!(reaching.after(&c).is_empty() && map.reaching("x").is_none());
    }
}
