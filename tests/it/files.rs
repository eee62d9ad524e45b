//! What programs may touch through the system module `file`.

use crate::repo::Repo;

/// A module beside a folder of secrets, with links to it.
fn with_links(main: &str) -> Repo {
    let repo = Repo::empty()
        .file("mono/kcl.mod", "[package]\nname = \"mono\"\n")
        .file("mono/notes.txt", "in")
        .file("mono/all/notes.txt", "in")
        .file("mono/main.k", &format!("import file\n\na = file.{main}\n"))
        .file("secrets/key.txt", "secret")
        .stand("mono");
    let links = [
        ("../secrets/key.txt", "mono/key.txt"),
        ("../secrets", "mono/dir"),
        ("../../secrets", "mono/all/dir"),
        ("notes.txt", "mono/same.txt"),
        ("../secrets/none", "mono/nowhere"),
    ];
    for (target, link) in links {
        std::os::unix::fs::symlink(target, repo.path(link)).expect("a link");
    }
    repo
}

#[test]
fn links_do_not_lead_out_of_the_module() {
    for call in [
        "read(\"key.txt\")",
        "readbase64(\"dir/key.txt\")",
        "exists(\"dir/none.txt\")",
        "size(\"key.txt\")",
        "abs(\"dir\")",
        "glob(\"dir/*\")",
        "write(\"dir/new.txt\", \"x\")",
        "mkdir(\"dir/new\")",
        "delete(\"dir/key.txt\")",
        "cp(\"notes.txt\", \"dir/new.txt\")",
        "mv(\"dir/key.txt\", \"new.txt\")",
    ] {
        let repo = with_links(call);
        let ran = repo.konfig(&["run", "main.k"]).exits(1);
        let ran = ran.says("` leads out of the module, which is the folder of its `kcl.mod`");
        let root = repo.path("");
        assert!(!ran.stderr.contains(&*root.to_string_lossy()), "{}", ran.stderr);
        assert_eq!(repo.files("secrets"), ["key.txt"]);
    }
    let repo = with_links("cp(\"all\", \"copy\")");
    repo.konfig(&["run", "main.k"]).exits(1).says("a link in it leads out of the module");
    let repo = with_links("write(\"nowhere\", \"x\")");
    repo.konfig(&["run", "main.k"]).exits(1).says("it is a link that leads nowhere");
    assert_eq!(repo.files("secrets"), ["key.txt"]);
}

#[test]
fn links_within_the_module_are_followed() {
    with_links("read(\"same.txt\")").konfig(&["run", "main.k"]).good().prints("a: in\n");
    with_links("exists(\"nowhere\")").konfig(&["run", "main.k"]).good().prints("a: false\n");
    let found = with_links("glob(\"*/*.txt\")").konfig(&["run", "main.k"]).good().stdout;
    assert!(found.ends_with("/mono/all/notes.txt\n") && !found.contains("key.txt"), "{found}");
    let real = with_links("abs(\"same.txt\")").konfig(&["run", "main.k"]).good().stdout;
    assert!(real.ends_with("/mono/notes.txt\n"), "{real}");
}
