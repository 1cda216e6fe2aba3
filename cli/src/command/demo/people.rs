//! The customers of the demo, all invented.

/// One customer as both sides know them.
pub struct Person {
    pub id: u32,
    pub name: &'static str,
    pub email: &'static str,
    pub phone: &'static str,
    pub city: &'static str,
    pub updated_at: &'static str,
}

const fn person(
    id: u32,
    name: &'static str,
    email: &'static str,
    phone: &'static str,
    city: &'static str,
    updated_at: &'static str,
) -> Person {
    Person { id, name, email, phone, city, updated_at }
}

/// Known to both from the beginning.
pub const SHARED: [Person; 18] = [
    person(1001, "Ada Brandt", "ada.brandt@example.org", "+49 30 5550101", "Berlin", "2026-01-05 09:12:00"),
    person(1002, "Milan Novák", "milan.novak@example.net", "+420 2 5550102", "Praha", "2026-01-07 14:40:10"),
    person(1003, "Sofia Lindqvist", "sofia.l@example.com", "+46 8 5550103", "Stockholm", "2026-01-11 08:05:33"),
    person(1004, "Tomás Ferreira", "tomas.ferreira@example.org", "+351 21 555104", "Lisboa", "2026-01-14 16:22:47"),
    person(1005, "Grace Okafor", "grace.okafor@example.com", "+44 20 75550105", "London", "2026-01-15 11:30:00"),
    person(1006, "Henrik Dahl", "henrik.dahl@example.net", "+47 22 555106", "Oslo", "2026-01-19 10:01:59"),
    person(1007, "Ines Moreau", "ines.moreau@example.org", "+33 1 45550107", "Lyon", "2026-01-22 17:45:12"),
    person(1008, "Pieter de Vries", "p.devries@example.com", "+31 20 5550108", "Utrecht", "2026-01-23 09:09:09"),
    person(1009, "Yuki Tanaka", "yuki.tanaka@example.net", "+81 3 5555 0109", "Tokyo", "2026-01-26 02:14:30"),
    person(1010, "Elena Rossi", "elena.rossi@example.org", "+39 06 5550110", "Roma", "2026-01-29 13:37:00"),
    person(1011, "Oskar Kowalski", "oskar.k@example.com", "+48 22 5550111", "Warszawa", "2026-02-02 15:50:21"),
    person(1012, "Fatima Haddad", "fatima.haddad@example.net", "+212 5 22555112", "Casablanca", "2026-02-03 12:00:45"),
    person(1013, "Liam Murphy", "liam.murphy@example.org", "+353 1 5550113", "Dublin", "2026-02-06 08:28:16"),
    person(1014, "Clara Vogel", "clara.vogel@example.com", "+43 1 5550114", "Wien", "2026-02-09 18:19:20"),
    person(1015, "Andrei Popescu", "andrei.popescu@example.net", "+40 21 5550115", "Iași", "2026-02-11 07:55:02"),
    person(1016, "Jonas Weber", "jonas.weber@example.org", "+41 44 5550116", "Zürich", "2026-02-12 10:10:10"),
    person(1017, "Nina Petrova", "nina.petrova@example.com", "+359 2 5550117", "Sofia", "2026-02-16 14:02:38"),
    person(1018, "Samuel Adeyemi", "s.adeyemi@example.net", "+234 1 5550118", "Lagos", "2026-02-18 09:41:57"),
];

/// Only in the CRM before the first session.
pub const CRM_ONLY: [Person; 6] = [
    person(1019, "Maja Horvat", "maja.horvat@example.org", "+385 1 5550119", "Zagreb", "2026-02-20 11:11:00"),
    person(1020, "Felix Baumann", "felix.baumann@example.com", "+49 89 5550120", "München", "2026-02-23 16:03:29"),
    person(1021, "Aino Virtanen", "aino.virtanen@example.net", "+358 9 5550121", "Turku", "2026-02-24 08:44:44"),
    person(1022, "Diego Alvarez", "diego.alvarez@example.org", "+34 91 5550122", "Madrid", "2026-02-26 19:20:05"),
    person(1023, "Zoe Papadakis", "zoe.papadakis@example.com", "+30 21 05550123", "Athina", "2026-02-27 10:35:51"),
    person(1024, "Noah Peeters", "noah.peeters@example.net", "+32 2 5550124", "Gent", "2026-03-02 13:13:13"),
];

/// Only in the shop before the first session.
pub const SHOP_ONLY: [Person; 6] = [
    person(5001, "Amira Saleh", "amira.saleh@example.org", "+20 2 25550201", "Cairo", "2026-02-19 21:07:30"),
    person(5002, "Lucas Martin", "lucas.martin@example.com", "+33 4 95550202", "Nice", "2026-02-21 12:48:00"),
    person(5003, "Hanna Schmitt", "hanna.schmitt@example.net", "+49 221 5550203", "Köln", "2026-02-22 17:29:18"),
    person(5004, "Mateo Silva", "mateo.silva@example.org", "+55 11 5555 0204", "São Paulo", "2026-02-25 23:59:01"),
    person(5005, "Olivia Jensen", "olivia.jensen@example.com", "+45 35 550205", "Aarhus", "2026-03-01 08:15:42"),
    person(5006, "Ravi Menon", "ravi.menon@example.net", "+91 44 5550206", "Chennai", "2026-03-02 05:05:05"),
];

/// New in the CRM after the first session.
pub const NEW_AT_THE_CRM: [Person; 2] = [
    person(1025, "Greta Lund", "greta.lund@example.org", "+46 31 5550125", "Göteborg", "2026-03-09 09:30:00"),
    person(1026, "Bruno Keller", "bruno.keller@example.com", "+41 61 5550126", "Basel", "2026-03-09 15:12:26"),
];

/// New in the shop after the first session.
pub const NEW_AT_THE_SHOP: [Person; 1] =
    [person(5007, "Chloe Dubois", "chloe.dubois@example.net", "+32 2 5550207", "Namur", "2026-03-10 20:41:08")];
