-- The workshop's calendar of the demo shop. Appointments begin on the hour and take one.
CREATE TABLE openings (
    weekday INTEGER PRIMARY KEY CHECK (weekday BETWEEN 0 AND 6), -- 0 is Monday
    first INTEGER NOT NULL, -- the hour of the first appointment
    last INTEGER NOT NULL
);
CREATE TABLE exceptions (
    day TEXT PRIMARY KEY, -- ISO 8601
    first INTEGER, -- NULL: closed
    last INTEGER
);
CREATE TABLE appointments (
    number TEXT PRIMARY KEY CHECK (length(number) = 5),
    service TEXT NOT NULL CHECK (service IN ('tune_up', 'repair', 'fitting')),
    day TEXT NOT NULL,
    time TEXT NOT NULL CHECK (length(time) = 5),
    UNIQUE (day, time)
);
CREATE TABLE done (
    key TEXT PRIMARY KEY, -- of a request that changed something
    result TEXT NOT NULL
);
INSERT INTO openings VALUES (1, 10, 16), (2, 10, 16), (3, 10, 18), (4, 10, 16), (5, 9, 13);
INSERT INTO exceptions VALUES
    ('2026-11-26', NULL, NULL),
    ('2026-12-24', 10, 12),
    ('2026-12-25', NULL, NULL),
    ('2027-01-01', NULL, NULL);
INSERT INTO appointments VALUES
    ('70421', 'tune_up', '2026-11-24', '10:00'),
    ('70428', 'repair', '2026-11-27', '15:00'),
    ('70435', 'fitting', '2026-12-01', '11:00'),
    ('70442', 'repair', '2026-11-25', '10:00'),
    ('70449', 'repair', '2026-11-25', '11:00'),
    ('70456', 'tune_up', '2026-11-25', '12:00'),
    ('70463', 'tune_up', '2026-11-25', '13:00'),
    ('70470', 'repair', '2026-11-25', '14:00'),
    ('70477', 'fitting', '2026-11-25', '15:00'),
    ('70484', 'tune_up', '2026-11-25', '16:00');
