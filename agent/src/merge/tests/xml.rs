mod laws;

use super::super::{Merged, Options, merge, xml};
use super::{check, outcome, resolved};

const NAME: &str = "carbon.xml";

#[test]
fn fields_are_known_by_their_tags() {
    check(
        NAME,
        &[
            // Neighbours, and an element that the operator took out of its comment.
            (
                "<S>\n  <A>1</A>\n  <B>2</B>\n</S>\n",
                "<S>\n  <A>9</A>\n  <B>2</B>\n</S>\n",
                "<S>\n  <A>1</A>\n  <B>3</B>\n</S>\n",
                Ok("<S>\n  <A>9</A>\n  <B>3</B>\n</S>\n"),
            ),
            (
                "<S>\n  <!--HostName>www</HostName-->\n  <B>2</B>\n</S>\n",
                "<S>\n  <HostName>prod</HostName>\n  <B>2</B>\n</S>\n",
                "<S>\n  <!--HostName>www</HostName-->\n  <B>3</B>\n</S>\n",
                Ok("<S>\n  <HostName>prod</HostName>\n  <B>3</B>\n</S>\n"),
            ),
            // Both add fields in one place: the operator's first.
            (
                "<S>\n  <A>1</A>\n</S>\n",
                "<S>\n  <A>1</A>\n  <Mine/>\n</S>\n",
                "<S>\n  <A>1</A>\n  <Its/>\n</S>\n",
                Ok("<S>\n  <A>1</A>\n  <Mine/>\n  <Its/>\n</S>\n"),
            ),
            // An attribute of one, the text of the other; attributes have no order.
            (
                "<S>\n  <A x=\"1\" y=\"2\">t</A>\n</S>\n",
                "<S>\n  <A y=\"2\" x=\"5\">t</A>\n</S>\n",
                "<S>\n  <A x=\"1\"\n     y=\"6\">u</A>\n</S>\n",
                Ok("<S>\n  <A y=\"6\" x=\"5\">u</A>\n</S>\n"),
            ),
            // The same in other words is no change.
            (
                "<S>\n  <A x='1'>a &amp; b</A>\n  <B/>\n</S>\n",
                "<S>\n  <A x=\"1\"><![CDATA[a & b]]></A>\n  <B></B>\n</S>\n",
                "<S>\n  <A x='2'>a &#38; b</A>\n  <B>1</B>\n</S>\n",
                Ok("<S>\n  <A x='2'><![CDATA[a & b]]></A>\n  <B>1</B>\n</S>\n"),
            ),
        ],
    );
}

#[test]
fn repeated_elements_are_known_by_their_ids() {
    check(
        NAME,
        &[
            // By an attribute, in the operator's order; the vendor's news come after what they follow.
            (
                "<R>\n  <P name=\"a\">1</P>\n  <P name=\"b\">2</P>\n</R>\n",
                "<R>\n  <P name=\"b\">2</P>\n  <P name=\"a\">9</P>\n  <P name=\"mine\">4</P>\n</R>\n",
                "<R>\n  <P name=\"a\">1</P>\n  <P name=\"b\">3</P>\n  <P name=\"its\">5</P>\n</R>\n",
                Ok(
                    "<R>\n  <P name=\"b\">3</P>\n  <P name=\"its\">5</P>\n  <P name=\"a\">9</P>\n  <P name=\"mine\">4</P>\n</R>\n",
                ),
            ),
            // By child elements.
            (
                "<d>\n<i><groupId>g</groupId><artifactId>a</artifactId><version>1</version></i>\n<i><groupId>h</groupId><artifactId>a</artifactId><version>1</version></i>\n</d>\n",
                "<d>\n<i><groupId>h</groupId><artifactId>a</artifactId><version>1</version></i>\n</d>\n",
                "<d>\n<i><groupId>g</groupId><artifactId>a</artifactId><version>1</version></i>\n<i><groupId>h</groupId><artifactId>a</artifactId><version>2</version></i>\n</d>\n",
                Ok("<d>\n<i><groupId>h</groupId><artifactId>a</artifactId><version>2</version></i>\n</d>\n"),
            ),
            // By their text: a list of nothing else is a set.
            (
                "<m>\n  <i>a</i>\n  <i>b</i>\n</m>\n",
                "<m>\n  <i>a</i>\n  <i>b</i>\n  <i>mine</i>\n</m>\n",
                "<m>\n  <i>b</i>\n  <i>its</i>\n</m>\n",
                Ok("<m>\n  <i>b</i>\n  <i>mine</i>\n  <i>its</i>\n</m>\n"),
            ),
            // By place, where a name stands twice.
            (
                "<r>\n  <p name=\"a\" v=\"1\"/>\n  <p name=\"a\" v=\"2\"/>\n</r>\n",
                "<r>\n  <p name=\"a\" v=\"1\"/>\n  <p name=\"a\" v=\"3\"/>\n</r>\n",
                "<r>\n  <p name=\"a\" v=\"1\" w=\"5\"/>\n  <p name=\"a\" v=\"2\"/>\n</r>\n",
                Ok("<r>\n  <p name=\"a\" v=\"1\" w=\"5\"/>\n  <p name=\"a\" v=\"3\"/>\n</r>\n"),
            ),
        ],
    );
}

#[test]
fn what_has_an_order_keeps_it() {
    let both_add = [
        // Without an id.
        (
            "<r>\n  <a/>\n  <a/>\n</r>\n",
            "<v class=\"x\"/>",
            "<v class=\"y\"/>",
        ),
        // Asked one after the other, whatever they are called.
        (
            "<r>\n  <a/>\n  <a/>\n</r>\n",
            "<handler name=\"x\"/>",
            "<handler name=\"y\"/>",
        ),
        (
            "<sequence xmlns=\"http://ws.apache.org/ns/synapse\">\n  <in/>\n</sequence>\n",
            "<log/>",
            "<send/>",
        ),
    ];
    for (base, mine, its) in both_add {
        let with = |line: &str| base.replacen("/>\n</", &format!("/>\n  {line}\n</"), 1);
        let (current, new) = (with(mine), with(its));
        let (text, keys) = outcome(NAME, [base, &current, &new]).unwrap_err();
        assert_eq!(keys.len(), 1, "{text}");
        assert_eq!(resolved(&text, 0), current);
        assert_eq!(resolved(&text, 1), new);
        // In different places nothing is in doubt.
        let first = base.replacen(">\n  <", &format!(">\n  {mine}\n  <"), 1);
        assert!(outcome(NAME, [base, &first, &new]).is_ok(), "{first} {new}");
    }
}

#[test]
fn the_same_thing_changed_differently_is_a_conflict_of_that_thing() {
    check(
        NAME,
        &[
            (
                "<S>\n  <P>\n    <A>1</A>\n    <B x=\"1\"/>\n  </P>\n</S>\n",
                "<S>\n  <P>\n    <A>2</A>\n    <B x=\"2\"/>\n  </P>\n</S>\n",
                "<S>\n  <P>\n    <A>3</A>\n    <B x=\"3\"/>\n  </P>\n</S>\n",
                Err(&["/S/P/A", "/S/P/B/@x"]),
            ),
            // Removed and changed.
            (
                "<S>\n  <P name=\"a\">1</P>\n  <P name=\"b\">1</P>\n</S>\n",
                "<S>\n  <P name=\"a\">1</P>\n</S>\n",
                "<S>\n  <P name=\"a\">1</P>\n  <P name=\"b\">2</P>\n</S>\n",
                Err(&["/S/P[b]"]),
            ),
            // Another thing in its place, while the vendor goes on with the old one.
            (
                "<S>\n  <Store class=\"a\">\n    <x>1</x>\n    <y>2</y>\n  </Store>\n</S>\n",
                "<S>\n  <Store class=\"b\">\n    <url>3</url>\n    <user>4</user>\n  </Store>\n</S>\n",
                "<S>\n  <Store class=\"a\">\n    <x>1</x>\n    <y>2</y>\n    <z>5</z>\n  </Store>\n</S>\n",
                Err(&["/S/Store[a]"]),
            ),
            // Both renamed it.
            (
                "<S>\n  <P name=\"a\"><v>1</v></P>\n  <P name=\"z\"/>\n</S>\n",
                "<S>\n  <P name=\"b\"><v>1</v></P>\n  <P name=\"z\"/>\n</S>\n",
                "<S>\n  <P name=\"c\"><v>1</v></P>\n  <P name=\"z\"/>\n</S>\n",
                Err(&["/S/P[a]/@name"]),
            ),
        ],
    );
}

#[test]
fn markers_cover_the_element_alone_and_each_way_out_is_whole() {
    let side = |host: &str, port: &str| {
        format!("<S>\n  <Ports>\n    <Offset>{port}</Offset>\n  </Ports>\n  <Host>{host}</Host>\n</S>\n")
    };
    let (base, current, new) = (side("a", "0"), side("prod", "1"), side("a", "2"));
    let (text, keys) = outcome(NAME, [&base, &current, &new]).unwrap_err();
    assert_eq!(keys, ["/S/Ports/Offset"]);
    assert_eq!(
        text,
        "<S>\n  <Ports>\n<<<<<<< current\n    <Offset>1</Offset>\n=======\n    <Offset>2</Offset>\n>>>>>>> new\n  </Ports>\n  <Host>prod</Host>\n</S>\n"
    );
    assert_eq!(resolved(&text, 0), current);
    assert_eq!(resolved(&text, 1), side("prod", "2"));
}

#[test]
fn layout_and_comments_are_the_operators_with_the_vendors_news() {
    check(
        NAME,
        &[
            // Indented anew by the operator; what comes in is indented so too.
            (
                "<S>\n  <A>\n    <B>1</B>\n  </A>\n</S>\n",
                "<S>\n\t<A>\n\t\t<B>2</B>\n\t</A>\n</S>\n",
                "<S>\n  <A>\n    <B>1</B>\n    <!-- new -->\n    <C>3</C>\n  </A>\n</S>\n",
                Ok("<S>\n\t<A>\n\t\t<B>2</B>\n\t\t<!-- new -->\n\t\t<C>3</C>\n\t</A>\n</S>\n"),
            ),
            // An example taken out of its comment parts the comments around it.
            (
                "<S>\n  <!-- the first remark -->\n  <!-- <A>1</A> -->\n  <!-- the last remark -->\n  <Z/>\n</S>\n",
                "<S>\n  <!-- the first remark -->\n  <A>2</A>\n  <!-- the last remark -->\n  <Z/>\n</S>\n",
                "<S>\n  <!-- the first remark -->\n  <!-- <A>1</A> -->\n  <!-- the last remarks -->\n  <Z x=\"1\"/>\n</S>\n",
                Ok(
                    "<S>\n  <!-- the first remark -->\n  <A>2</A>\n  <!-- the last remarks -->\n  <Z x=\"1\"/>\n</S>\n",
                ),
            ),
            // A self-closing element that the vendor fills.
            (
                "<S>\n  <A x=\"1\"/>\n</S>\n",
                "<S>\n  <A x=\"2\"/>\n</S>\n",
                "<S>\n  <A x=\"1\">\n    <B/>\n  </A>\n</S>\n",
                Ok("<S>\n  <A x=\"2\">\n    <B/>\n  </A>\n</S>\n"),
            ),
            // Prolog and namespaces.
            (
                "<?xml version=\"1.0\"?>\n<!DOCTYPE S SYSTEM \"a.dtd\">\n<!-- l -->\n<S xmlns:a=\"u\">\n  <a:B>1</a:B>\n</S>\n",
                "<?xml version=\"1.0\"?>\n<!DOCTYPE S SYSTEM \"a.dtd\">\n<!-- l -->\n<S xmlns:a=\"u\">\n  <a:B>2</a:B>\n</S>\n",
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE S SYSTEM \"b.dtd\">\n<!-- l -->\n<S xmlns:a=\"u\" xmlns:c=\"w\">\n  <a:B>1</a:B><c:D/>\n</S>\n",
                Ok(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE S SYSTEM \"b.dtd\">\n<!-- l -->\n<S xmlns:a=\"u\" xmlns:c=\"w\">\n  <a:B>2</a:B>\n  <c:D/>\n</S>\n",
                ),
            ),
        ],
    );
}

#[test]
fn text_between_elements_keeps_its_order_and_its_spaces() {
    check(
        NAME,
        &[
            (
                "<p>one <b>two</b> three <i>four</i> five</p>\n",
                "<p>one <b>2</b> three <i>four</i> five</p>\n",
                "<p>one <b>two</b> three <i>four</i> 5</p>\n",
                Ok("<p>one <b>2</b> three <i>four</i> 5</p>\n"),
            ),
            (
                "<p>one <b>two</b> three</p>\n",
                "<p>1 <b>two</b> three</p>\n",
                "<p>I <b>two</b> three</p>\n",
                Err(&["/p"]),
            ),
            (
                "<p xml:space=\"preserve\">  a\n  b </p>\n",
                "<p xml:space=\"preserve\">  a\n b </p>\n",
                "<p xml:space=\"preserve\">  a\n\n  b </p>\n",
                Err(&["/p"]),
            ),
        ],
    );
}

#[test]
fn declared_entities_are_never_expanded() {
    let laughs: String = (1..10)
        .map(|level| {
            let inner = format!("&l{};", level - 1).repeat(10);
            format!("<!ENTITY l{level} \"{inner}\">\n")
        })
        .collect();
    let file = |value: &str| {
        format!("<!DOCTYPE a [\n<!ENTITY l0 \"lol\">\n{laughs}]>\n<a>\n<b>&l9;</b>\n\n<c>{value}</c>\n</a>\n")
    };
    assert!(xml::parse(&file("1")).is_err());
    assert!(xml::data(&file("1")).is_err());
    let other = file("1").replace("<b>", "<b x='1'>");
    let merged = outcome(NAME, [&file("1"), &file("2"), &other]).unwrap();
    assert_eq!(merged, file("2").replace("<b>", "<b x='1'>"));
}

#[test]
fn what_reads_slowly_is_not_read() {
    let attributes: String = (0..5_000).map(|number| format!(" a{number}=''")).collect();
    let namespaces: String = (0..5_000)
        .map(|number| format!("<b xmlns:n{number}='u'/>\n"))
        .collect();
    let files = [
        format!("<a{attributes}/>\n"),
        format!("<a>{namespaces}</a>\n"),
        format!("<a>{}</a>\n", "<b/>\n".repeat(600_000)),
        "<a>".repeat(1_000) + &"</a>".repeat(1_000) + "\n",
    ];
    for file in files {
        assert!(
            xml::parse(&file).is_err() && xml::data(&file).is_err(),
            "{:.40}",
            file
        );
    }
}

#[test]
fn elements_that_nothing_tells_apart_are_merged_in_bounded_time() {
    let file = |from: usize, to: usize, step: usize| {
        let lines: String = (from..to)
            .map(|n| format!("<a><b>{}</b><c>{n}</c><d/></a>\n", n * step))
            .collect();
        format!("<r>\n{lines}</r>\n")
    };
    let sides = [file(0, 5_000, 1), file(2_500, 9_000, 7), file(1_000, 8_000, 11)];
    let sides = sides.each_ref().map(|side| side.as_bytes());
    assert!(matches!(
        merge(NAME, Options::default(), sides),
        Merged::Conflicts(_)
    ));
}
