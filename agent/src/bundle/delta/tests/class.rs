//! Class files: what refers to constants and lines is found wherever it stands.

use std::slice;

use proptest::prelude::*;

use super::archive::{Packing, archive, entry};
use super::{applied, delta_of};
use crate::bundle::delta::class::{self, Change, Told};
use crate::bundle::delta::columns::{Span, put_varint};
use crate::bundle::delta::sources::{Sources, WHOLE};
use crate::bundle::delta::tree::{self, Content, Piece, Plan};
use crate::bundle::delta::{DeltaError, blocks, encode, limits};

/// A class as a compiler writes it: with constants as they are asked for.
struct Class {
    /// Constants behind their number.
    constants: Vec<u8>,
    count: u16,
    rest: Vec<u8>,
    /// The first line.
    line: u16,
}

impl Class {
    /// One that begins with constants that nothing refers to.
    fn new(unused: u16, line: u16) -> Self {
        let mut class = Self {
            constants: Vec::new(),
            count: 1,
            rest: Vec::new(),
            line,
        };
        for number in 0..unused {
            class.utf8(&format!("unused {number}"));
        }
        class
    }

    fn constant(&mut self, tag: u8, bytes: &[u8]) -> u16 {
        self.constants.push(tag);
        self.constants.extend(bytes);
        self.count += 1;
        self.count - 1
    }

    fn utf8(&mut self, text: &str) -> u16 {
        let len = u16::try_from(text.len()).unwrap().to_be_bytes();
        self.constant(1, &[&len, text.as_bytes()].concat())
    }

    fn long(&mut self, value: u64) -> u16 {
        let index = self.constant(5, &value.to_be_bytes());
        self.count += 1;
        index
    }

    /// A constant that refers to another.
    fn of(&mut self, tag: u8, other: u16) -> u16 {
        self.constant(tag, &other.to_be_bytes())
    }

    fn of_two(&mut self, tag: u8, one: u16, other: u16) -> u16 {
        self.constant(tag, &[one.to_be_bytes(), other.to_be_bytes()].concat())
    }

    fn class(&mut self, name: &str) -> u16 {
        let name = self.utf8(name);
        self.of(7, name)
    }

    /// A field or method of a class.
    fn member(&mut self, tag: u8, name: &str) -> u16 {
        let class = self.class(&format!("of/{name}"));
        let (name, descriptor) = (self.utf8(name), self.utf8("(I)V"));
        let pair = self.of_two(12, name, descriptor);
        self.of_two(tag, class, pair)
    }

    fn attribute(&mut self, name: &str, bytes: &[u8]) -> Vec<u8> {
        let name = self.utf8(name).to_be_bytes();
        let len = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&name, &len[..], bytes].concat()
    }

    fn finish(self, attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = b"\xca\xfe\xba\xbe\0\0\0\x34".to_vec();
        bytes.extend(self.count.to_be_bytes());
        bytes.extend(self.constants);
        bytes.extend(self.rest);
        bytes.extend(many(attributes));
        bytes
    }
}

/// Numbers of 16 bits.
fn shorts<const N: usize>(numbers: [u16; N]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Some of something, with their number before them.
fn many(all: &[Vec<u8>]) -> Vec<u8> {
    let count = u16::try_from(all.len()).unwrap().to_be_bytes();
    [&count[..], &all.concat()].concat()
}

/// Every instruction that refers to a constant, between those that do not and whose length is hard to tell.
fn instructions(class: &mut Class) -> Vec<u8> {
    let with = |code: u8, index: u16, rest: &[u8]| [&[code], &index.to_be_bytes()[..], rest].concat();
    let text = class.utf8("text");
    let string = class.of(8, text);
    let kinds = [class.class("one/Type"), class.class("another/Type")];
    let pair = {
        let (name, descriptor) = (class.utf8("run"), class.utf8("()Ljava/lang/Runnable;"));
        class.of_two(12, name, descriptor)
    };
    let mut code = Vec::new();
    code.extend([18, u8::try_from(string).unwrap_or(0)]);
    // nop, bipush, sipush, iinc, goto, jsr, goto_w, newarray, ret
    code.extend(b"\0\x10\x12\x11\x12\x12\x84\x01\x12\xa7\0\x03\xa8\0\x12\xc8\0\0\0\x12\xbc\x0a\xa9\x12");
    code.extend(with(19, string, b""));
    code.extend(with(20, class.long(7), b""));
    for code_of_field in 178..=181 {
        code.extend(with(code_of_field, class.member(9, "field"), b""));
    }
    for code_of_method in 182..=184 {
        code.extend(with(code_of_method, class.member(10, "method"), b""));
    }
    code.extend(with(185, class.member(11, "of_interface"), b"\x02\0"));
    code.extend(with(186, class.constant(18, &shorts([0, pair])), b"\0\0"));
    for code_of_type in [187, 189, 192, 193] {
        code.extend(with(code_of_type, kinds[usize::from(code_of_type & 1)], b""));
    }
    code.extend(with(197, kinds[0], b"\x02"));
    // wide iinc, wide iload, ifnull
    code.extend(b"\xc4\x84\0\x12\0\x12\xc4\x15\0\x12\xc6\0\x12");
    for (switch, words) in [(170, [12u32, 3, 5].as_slice()), (171, &[12, 3])] {
        code.push(switch);
        code.resize(code.len().next_multiple_of(4), 0);
        code.extend(words.iter().flat_map(|word| word.to_be_bytes()));
        code.extend([18; 12]);
        code.extend(if switch == 171 { &[18; 12][..] } else { &[] });
    }
    code.push(177);
    code
}

/// The frames of a stack, one of each form.
fn frames(class: &mut Class) -> Vec<u8> {
    let kind = [&[7][..], &class.class("on/Stack").to_be_bytes()].concat();
    let forms = [
        vec![12],
        [&[64 + 12], &kind[..]].concat(),
        [&[247, 0, 12], &kind[..]].concat(),
        vec![248, 0, 12],
        vec![249, 0, 12],
        vec![250, 0, 12],
        vec![251, 0, 12],
        [&[252, 0, 12], &kind[..]].concat(),
        [&[253, 0, 12], &kind[..], &[4]].concat(),
        [&[254, 0, 12, 1, 8, 0, 7], &kind[..]].concat(),
        [&[255, 0, 12, 0, 1], &kind[..], &[0, 2, 5], &kind].concat(),
    ];
    many(&forms)
}

/// An annotation with a value of each form.
fn annotation(class: &mut Class) -> Vec<u8> {
    let of = |tag: u8, index: u16| [&[tag], &index.to_be_bytes()[..]].concat();
    let inner = shorts([class.utf8("LInner;"), 0]);
    let values = [
        of(b's', class.utf8("text")),
        of(b'c', class.utf8("LType;")),
        [&b"e"[..], &shorts([class.utf8("LEnum;"), class.utf8("ONE")])].concat(),
        [&b"@"[..], &inner].concat(),
        [
            &b"["[..],
            &many(&[
                of(b'I', class.constant(3, &[0, 0, 0, 9])),
                of(b's', class.utf8("b")),
            ]),
        ]
        .concat(),
    ];
    let kind = class.utf8("LAnnotation;").to_be_bytes();
    let pairs: Vec<_> = values
        .iter()
        .map(|value| [&class.utf8("name").to_be_bytes()[..], value].concat())
        .collect();
    [&kind[..], &many(&pairs)].concat()
}

fn method(class: &mut Class) -> Vec<u8> {
    let code = instructions(class);
    let line = class.line;
    let lines = many(&[shorts([0, line]), shorts([3, line + 1]), shorts([9, line + 7])]);
    let variable = shorts([0, 9, class.utf8("variable"), class.utf8("I"), 1]);
    let frames = frames(class);
    let tables = [
        class.attribute("LineNumberTable", &lines),
        class.attribute("LocalVariableTable", &many(slice::from_ref(&variable))),
        class.attribute("LocalVariableTypeTable", &many(slice::from_ref(&variable))),
        class.attribute("StackMapTable", &frames),
    ];
    let caught = shorts([0, 9, 12, class.class("an/Exception")]);
    let body = [
        &shorts([4, 4])[..],
        &u32::try_from(code.len()).unwrap().to_be_bytes(),
        &code,
        &many(&[caught]),
        &many(&tables),
    ]
    .concat();
    let thrown = shorts([class.class("a/Thrown")]);
    let of_parameters = [&[2][..], &many(&[annotation(class)]), &many(&[])].concat();
    let parameters = [&[1][..], &shorts([class.utf8("parameter"), 0x10])].concat();
    let value = [&b"s"[..], &class.utf8("default").to_be_bytes()].concat();
    let attributes = [
        class.attribute("Code", &body),
        class.attribute("Exceptions", &many(&[thrown])),
        class.attribute("RuntimeVisibleParameterAnnotations", &of_parameters),
        class.attribute("MethodParameters", &parameters),
        class.attribute("AnnotationDefault", &value),
    ];
    let names = shorts([1, class.utf8("method"), class.utf8("(I)V")]);
    [names, many(&attributes)].concat()
}

/// A class with everything that refers to constants.
pub(super) fn whole(unused: u16, line: u16) -> Vec<u8> {
    let mut class = Class::new(unused, line);
    let names = shorts([0x21, class.class("a/Class"), class.class("java/lang/Object")]);
    let interface = shorts([class.class("an/Interface")]);
    let annotations = many(&[annotation(&mut class)]);
    let signature = class.utf8("TT;").to_be_bytes();
    let value = class.long(1 << 40).to_be_bytes();
    let attributes = [
        class.attribute("ConstantValue", &value),
        class.attribute("Signature", &signature),
        class.attribute("RuntimeInvisibleAnnotations", &annotations),
    ];
    let field = [
        shorts([2, class.utf8("field"), class.utf8("J")]),
        many(&attributes),
    ]
    .concat();
    let methods = [method(&mut class), method(&mut class)];
    class.rest = [names, many(&[interface]), many(&[field]), many(&methods)].concat();

    let inner = shorts([
        class.class("a/Class$Inner"),
        class.class("a/Class"),
        class.utf8("Inner"),
        8,
    ]);
    let enclosing = shorts([class.class("Outer"), class.member(12, "around")]);
    let method = class.member(10, "bootstrap");
    let handle = class.constant(15, &[&[6][..], &method.to_be_bytes()].concat());
    let bootstrap = [
        &handle.to_be_bytes()[..],
        &many(&[shorts([handle]), shorts([class.class("an/Argument")])]),
    ]
    .concat();
    let component = [
        shorts([class.utf8("component"), class.utf8("I")]),
        many(&[class.attribute("Signature", &signature)]),
    ]
    .concat();
    let member = shorts([class.class("a/Class$Member")]);
    let file = class.utf8("Class.java").to_be_bytes();
    let attributes = [
        class.attribute("SourceFile", &file),
        class.attribute("InnerClasses", &many(&[inner])),
        class.attribute("EnclosingMethod", &enclosing),
        class.attribute("BootstrapMethods", &many(&[bootstrap])),
        class.attribute("NestHost", &member),
        class.attribute("NestMembers", &many(slice::from_ref(&member))),
        class.attribute("PermittedSubclasses", &many(slice::from_ref(&member))),
        class.attribute("Record", &many(&[component])),
        class.attribute("of.a.vendor", b"\0\x12\0\x12"),
    ];
    class.finish(&attributes)
}

/// A class with little in it.
pub(super) fn small(unused: u16) -> Vec<u8> {
    let mut class = Class::new(unused, 0);
    let names = shorts([0x21, class.class("a/Class"), class.class("java/lang/Object")]);
    class.rest = [names, shorts([0, 0, 0])].concat();
    class.finish(&[])
}

fn told(new: &[u8], old: &[u8]) -> Told {
    class::tell(new, old).expect("a class")
}

/// The bytes of `old` that the new ones at the end are compared with.
fn differences(told: &Told, rest: usize) -> usize {
    let new = &told.new[told.new.len() - rest..];
    let old = &told.old[told.old.len() - rest..];
    new.iter().zip(old).filter(|(new, old)| new != old).count()
}

/// How long a class is behind its constants.
fn rest() -> usize {
    let [one, other] = [0, 300].map(|line| whole(0, line));
    let first = one.iter().zip(&other).position(|(a, b)| a != b).unwrap();
    assert!(first > 1000, "lines stand behind the constants");
    let names = shorts([0x21, 2, 4]);
    let at = one.windows(names.len()).position(|bytes| bytes == names).unwrap();
    one.len() - at
}

#[test]
fn constants_that_move_change_nothing_else() {
    let old = whole(0, 100);
    for unused in [1, 40] {
        let told = told(&whole(unused, 100), &old);
        assert_eq!(differences(&told, rest()), 0, "{unused}");
        // The name of each, and the version.
        let names: usize = (0..unused).map(|number| format!("unused {number}").len()).sum();
        assert_eq!(told.new.len(), 4 + names + rest());
    }
}

#[test]
fn lines_that_move_change_the_first_one() {
    let told = told(&whole(0, 4100), &whole(0, 100));
    assert_eq!(differences(&told, rest()), 2);
    assert_eq!(told.constants, b"");
}

#[test]
fn constants_that_go_leave_the_others() {
    let told = told(&whole(0, 100), &whole(40, 100));
    assert_eq!(differences(&told, rest()), 0);
    assert_eq!(told.constants, b"");
}

/// Compilers write a class twice, and refer to either.
#[test]
fn constants_that_stand_twice_are_told_apart() {
    let class = |unused: u16, count: usize, order: [usize; 4]| {
        let mut class = Class::new(unused, 0);
        let name = class.utf8("twice");
        let all: Vec<_> = (0..count).map(|_| class.of(7, name)).collect();
        let [a, b, c, d] = order.map(|which| all[which % count]);
        class.rest = [shorts([0, a, b, 2, c, d]), shorts([0, 0])].concat();
        class.finish(&[])
    };
    let old = class(0, 2, [0, 1, 1, 0]);
    for order in [[0, 1, 1, 0], [1, 1, 0, 0], [0, 0, 0, 0]] {
        let new = class(3, 2, order);
        told(&new, &old);
        told(&old, &new);
    }
    let once = class(3, 1, [0; 4]);
    assert_eq!(differences(&told(&once, &old), 18), 0);
    told(&old, &once);
}

#[test]
fn what_is_no_class_is_told_as_bytes() {
    let class = whole(3, 1);
    let longer = [&class[..], b"\0"].concat();
    let mut later = class.clone();
    later[5] ^= 0x12;
    assert!(
        class::tell(&later, &class).is_some(),
        "another version is a class"
    );
    let mut unknown = class.clone();
    unknown[10] = 2;
    let deep = |depth| {
        let mut class = Class::new(0, 0);
        let value = [&b"[\0\x01".repeat(depth)[..], b"s\0\x01"].concat();
        let default = class.attribute("AnnotationDefault", &value);
        class.rest = shorts([0, 0, 0, 0, 0, 0]);
        class.finish(&[default])
    };
    // The attribute and the text in it are two.
    assert!(class::tell(&deep(6), &class).is_some(), "as deep as can be");
    let deep = deep(7);
    for (why, odd) in [
        ("it ends early", &class[..class.len() - 1]),
        ("it has more", &longer),
        ("a constant is of an unknown kind", &unknown),
        ("annotations lie too deep", &deep),
        ("it is short", b"\xca\xfe\xba\xbe"),
        ("it is empty", b""),
    ] {
        assert!(class::tell(odd, &class).is_none(), "{why}");
        assert!(class::tell(&class, odd).is_none(), "{why}");
        if odd.len() > 100 {
            delta_of(odd, &class);
            delta_of(&class, odd);
        }
    }
}

#[test]
fn a_class_in_an_archive_costs_what_changed() {
    let zip = |shift: u16| {
        let class = |number| whole(number + shift, 100 * number + shift);
        let entries: Vec<_> = (0..30)
            .map(|number| entry(&format!("{number}.class"), &class(number), Packing::Zlib(0)))
            .collect();
        archive(&entries).bytes()
    };
    let len = delta_of(&zip(0), &zip(1)).len();
    assert!(len < 900, "{len}");
}

/// Whatever a delta says of a class, and whatever the class is that it is compared with.
#[test]
fn a_flipped_bit_in_what_is_told_does_no_harm() {
    let (old, new) = (whole(2, 100), whole(1, 103));
    let told = told(&new, &old);
    let parts = [&told.runs, &told.constants, &told.new, &old];
    for (which, part) in parts.iter().enumerate() {
        for at in 0..part.len() {
            let mut parts = parts.map(Clone::clone);
            parts[which][at] ^= 1 << (at % 8);
            let [runs, constants, bytes, mut base] = parts;
            let Ok(change) = Change::begin(&mut base, &runs, &constants) else {
                continue;
            };
            let mut made = Vec::new();
            if change.make(&bytes, &base, new.len(), &mut made).is_ok() {
                assert_eq!(made.len(), new.len());
            }
        }
    }
}

#[test]
fn a_class_with_as_many_constants_as_there_can_be_comes_back() {
    let class = |first: u16| {
        let mut class = Class::new(0, 0);
        for number in 0..65_534u16 {
            class.constant(3, &u32::from(first + number / 2).to_be_bytes());
        }
        class.rest = shorts([0, 0, 0, 0, 0, 0]);
        class.finish(&[])
    };
    let told = told(&class(1), &class(0));
    assert_eq!(told.new.len(), 4 + 2 * 4 + 14, "two are new");
}

#[test]
fn constants_without_end_are_refused() {
    let old = whole(0, 0);
    let mut runs = Vec::new();
    // The first constant, again and again.
    for number in 0..70_000 {
        runs.push(2);
        runs.push(u8::from(number > 0));
    }
    assert!(Change::begin(&mut old.clone(), &runs, &[]).is_err());
    let mut base = old.clone();
    let change = Change::begin(&mut base, &runs[..60_000], &[]).unwrap();
    let mut made = Vec::new();
    assert!(change.make(b"\0\0\0\x34", &base, 1000, &mut made).is_err());
    assert!(made.len() < 1100, "{}", made.len());
}

/// What a reader says to a block of so many classes with 65,000 constants.
fn refusal(count: usize) -> DeltaError {
    let mut class = Class::new(0, 0);
    for number in 0..65_000u32 {
        class.constant(3, &number.to_be_bytes());
    }
    class.rest = shorts([0, 0, 0, 0, 0, 0]);
    let base = class.finish(&[]);
    let mut text = Vec::new();
    put_varint(&mut text, 65_000 << 1);
    text.push(0);
    let told = tree::Class {
        told: 18,
        runs: Span {
            at: 0,
            len: u32::try_from(text.len()).unwrap(),
        },
        constants: Span::default(),
    };
    let piece = Piece {
        source: Some(WHOLE),
        at: 0,
        old: base.len(),
        new: base.len(),
        class: Some(told),
    };
    let plan = Plan {
        content: Content::Parts(0..0),
        parts: Vec::new(),
        pieces: vec![piece; count],
        text,
    };
    let mut delta = blocks::Writer::default().finish(&[]).unwrap();
    let frame = blocks::compress(&[], &[]).unwrap();
    for number in [count, frame.len()] {
        put_varint(&mut delta, number as u64);
    }
    delta.extend(frame);
    let base = base.as_slice();
    let mut sources = Sources::new(&base, limits::work(base.len() as u64, 0));
    let mut rest = delta.as_slice();
    let (mut reader, _) = blocks::Reader::new(&mut rest).unwrap();
    reader.take(&plan, &mut sources).unwrap_err()
}

#[test]
fn the_constants_of_a_block_take_no_more_memory_than_allowed() {
    let refused = |count| refusal(count).to_string();
    assert!(
        refused(9).contains("more constants than allowed"),
        "{}",
        refused(9)
    );
    assert!(refused(8).contains("a block has another size"), "{}", refused(8));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_damaged_class_comes_back(
        (unused, line) in (0..9u16, 0..9u16),
        damage in proptest::collection::vec((any::<usize>(), any::<u8>()), 0..5),
        of_old in any::<bool>(),
    ) {
        let (mut old, mut new) = (whole(3, 3), whole(unused, line));
        let damaged = if of_old { &mut old } else { &mut new };
        for (at, value) in &damage {
            let at = at % damaged.len();
            damaged[at] = *value;
        }
        let told = class::tell(&new, &old);
        prop_assert!(told.is_some() || !damage.is_empty());
        if let Some(told) = told {
            let mut base = old.clone();
            let change = Change::begin(&mut base, &told.runs, &told.constants).unwrap();
            let mut made = Vec::new();
            change.make(&told.new, &base, new.len(), &mut made).unwrap();
            prop_assert!(made == new);
        }
        let delta = encode(&old.as_slice(), &new.as_slice()).unwrap();
        let delta = delta.filter(|delta| applied(&old, delta, new.len()).unwrap() != new);
        prop_assert!(delta.is_none());
    }
}
