use skiff_layout::Edit;

use super::*;

const NAMES: Names<'_> = Names { partuuid: &|label| Some(format!("<{label}>")), generation: 4 };
const NONE: Names<'_> = Names { partuuid: &|_| None, generation: 0 };

#[test]
fn the_last_layer_wins_and_identities_are_put_in() {
    let folder = tempfile::tempdir().unwrap();
    for (layer, text) in [("one", "x"), ("two", "root=/dev/x ro $1\n")] {
        std::fs::create_dir_all(folder.path().join(layer).join("resources")).unwrap();
        std::fs::write(folder.path().join(layer).join("resources/boot.txt"), text).unwrap();
    }
    let layers = ["one", "two", "three"].map(|name| folder.path().join(name)).to_vec();
    let sources = Sources { images: None, layers, epoch: 1, stop: Stop::default() };
    let edit =
        Edit { find: r"root=\S*".into(), replace: "root=PARTUUID={partuuid:p} {x} {generation}".into(), when: None };
    let content = Content { edits: vec![edit], ..Content::new("layers/resources/boot.txt", "/boot/") };
    let items = sources.items(std::slice::from_ref(&content), true, &NAMES, &mut sources.reading()).unwrap();
    assert_eq!(items.len(), 1);
    assert_eq!(items[0].target, "boot/boot.txt");
    assert_eq!(items[0].kind, Item::text("", "root=PARTUUID=<p> {x} 4 ro $1\n").kind);
    assert!(matches!(
        sources.items(&[content], true, &NONE, &mut sources.reading()),
        Err(ContentError::Placeholder(_))
    ));
}

#[test]
fn nothing_leads_out() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    std::fs::create_dir(&images).unwrap();
    std::fs::write(folder.path().join("secret"), "s").unwrap();
    std::os::unix::fs::symlink("../secret", images.join("kernel")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", images.join("other")).unwrap();
    let sources = Sources { images: Some(images), layers: Vec::new(), epoch: 1, stop: Stop::default() };
    for source in ["images/kernel", "images/other", "images/../secret", "secret", "/etc/passwd", "images//x", "images/"]
        .into_iter()
        .chain(["layers/README.md", "layers/boot/x", "layers/resources/../x", "layers/"])
    {
        let found = sources.items(&[Content::new(source, "/x")], true, &NONE, &mut sources.reading());
        assert!(found.is_err(), "{source}: {found:?}");
    }
}

#[test]
fn all_contents_of_a_layout_have_one_budget_and_the_user_can_stop() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("resources/d")).unwrap();
    (0..200).for_each(|number| std::fs::write(folder.path().join(format!("resources/d/{number}")), "").unwrap());
    let mut sources = Sources { images: None, layers: vec![folder.path().to_owned()], epoch: 1, stop: Stop::default() };
    let contents =
        |count: u64| (0..count).map(|one| Content::new("layers/resources/d/", format!("/{one}/"))).collect::<Vec<_>>();
    let limit = 201 * 30;
    let items = |sources: &Sources, count| {
        let mut reading = sources.reading().with_items(limit);
        let items = |contents| sources.items(contents, false, &NONE, &mut reading).map(|items| items.len());
        // Two partitions have one budget.
        contents(count).chunks(20).map(items).collect::<Result<Vec<_>, _>>()
    };
    assert!(items(&sources, 30).is_ok());
    assert!(matches!(items(&sources, 31), Err(ContentError::TooMany(_))));
    sources.stop = Stop::when(|| true);
    assert!(matches!(items(&sources, 1), Err(ContentError::Cancelled)));
}

#[test]
fn the_path_of_a_file_counts_however_short_the_links_to_it_are() {
    let folder = tempfile::tempdir().unwrap();
    let deep = (0..12).fold(folder.path().join("deep"), |path, _| path.join("d".repeat(200)));
    std::fs::create_dir_all(&deep).unwrap();
    std::fs::write(deep.join("f"), "").unwrap();
    let target = Path::new("../..").join(deep.strip_prefix(folder.path()).unwrap()).join("f");
    std::fs::create_dir_all(folder.path().join("resources/l")).unwrap();
    let link = |number: usize| std::os::unix::fs::symlink(&target, folder.path().join(format!("resources/l/{number}")));
    (0..1000).for_each(|number| link(number).unwrap());
    let sources = Sources { images: None, layers: vec![folder.path().to_owned()], epoch: 1, stop: Stop::default() };
    // 2.4 KB for each of the 1000 files, 60 times, and 300 times.
    let items = |count: u64| {
        let contents: Vec<Content> =
            (0..count).map(|one| Content::new("layers/resources/l/", format!("/{one}/"))).collect();
        sources.items(&contents, true, &NONE, &mut sources.reading()).map(|items| items.len())
    };
    assert!(items(60).is_ok());
    assert!(matches!(items(300), Err(ContentError::TooMany(_))));
}
