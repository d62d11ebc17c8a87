//! What needs no checkout works without one.

use std::path::Path;
use std::process::Command;

use crate::PROGRAM;
use crate::environment;

fn outside(arguments: &[&str], folder: &Path) -> std::process::Output {
    // The program lies in no checkout, and neither does the directory.
    let program = folder.join("skiff");
    std::fs::copy(PROGRAM, &program).unwrap();
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command.output().unwrap()
}

#[test]
fn what_needs_no_checkout_works_without_one() {
    let env = environment();
    let folder = env.path("elsewhere");
    std::fs::create_dir(&folder).unwrap();
    env.write("elsewhere/image", vec![0; 1 << 20]);
    env.write("elsewhere/genimage.cfg", "image sd.img { hdimage {} partition a { size = 4M } }\n");
    let run = |arguments: &[&str]| {
        let output = outside(arguments, &folder);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let (code, _, said) = run(&["device", "list"]);
    assert!(code == 0 && said.contains("`protect:` protects no device"), "{said}");
    // A checkout that is named and is none may have protected something.
    let (code, _, said) = run(&["--root", "typo", "device", "list"]);
    assert!(code == 1 && said.contains("is not a skiff checkout"), "{said}");
    let (code, _, said) = run(&["flash", "image", "/dev/nothing"]);
    assert!(code == 1 && said.contains("/dev/nothing"), "{said}");
    let (code, layout, said) = run(&["layout", "--import", "genimage.cfg"]);
    assert!(code == 0 && layout.contains("partitions"), "{layout}{said}");
    let (code, contract, _) = run(&["plugin", "doc", "--contract"]);
    assert!(code == 0 && contract.starts_with("# Reference of the contract"));
    let (code, _, said) = run(&["list"]);
    assert!(code == 1 && said.contains("checkout"), "{said}");
    let (code, page, _) = run(&["man", "pages"]);
    assert_eq!((code, page.trim()), (0, "pages/skiff.1"));
    let pages = std::fs::read_dir(folder.join("pages")).unwrap().count();
    assert!(pages > 25, "one for each command: {pages}");
    assert!(std::fs::read_to_string(folder.join("pages/skiff-flash.1")).unwrap().contains("bmap"));
    let (code, script, _) = run(&["completions", "--program", "/usr/bin/skiff", "bash"]);
    assert!(code == 0 && script.contains("/usr/bin/skiff"), "{script}");
    assert_eq!(run(&["completions", "--program", "bin/skiff", "bash"]).0, 2);
}
