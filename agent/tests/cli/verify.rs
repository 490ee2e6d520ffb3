//! What `verify` says of files.

use crate::common::{Lab, file, pack};

#[test]
fn configuration_is_the_vendors_as_it_is_or_can_be_read() {
    let json = "// levels\n{\"root\": \"INFO\",}\n";
    let vendor = pack(&[
        ("VERSION", file("1.0.0\n")),
        ("conf/log.json", file(json)),
        ("conf/template.yaml", file("port: [@PORT@\n")),
    ]);
    let lab = Lab::new(&vendor);
    let packs = lab.offer("1.0.0", &vendor);
    lab.run(&["adopt", "lab", "--pristine", packs.to_str().unwrap()])
        .expect(0, "adopted");
    lab.run(&["verify", "lab"]).expect(0, "verified");
    lab.write("conf/log.json", &json.replace("INFO", "WARN"));
    lab.run(&["verify", "lab"]).expect(0, "verified");
    for (path, broken) in [
        ("conf/log.json", "// levels\n{"),
        ("conf/template.yaml", "port: [1\n"),
    ] {
        let before = lab.read(path);
        lab.write(path, broken);
        let answer = lab.run(&["verify", "lab"]).refused(5, "unhealthy");
        assert!(answer.report["probes"].to_string().contains(path));
        lab.write(path, &before);
    }
}
