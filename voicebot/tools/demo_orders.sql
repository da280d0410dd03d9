-- The orders of the demo shop. Days are words: they are only spoken.
CREATE TABLE orders (
    number TEXT PRIMARY KEY CHECK (length(number) = 5),
    outcome TEXT NOT NULL,
    facts TEXT NOT NULL -- a JSON object: what the answer for this outcome tells
);
INSERT INTO orders VALUES
    ('48213', 'shipped', '{"shipped_on": "Friday", "arrives_on": "Tuesday"}'),
    ('48214', 'packing', '{"ships_on": "Monday"}'),
    ('51907', 'in_workshop', '{"ready_on": "Wednesday"}'),
    ('60025', 'delivered', '{"delivered_on": "Thursday"}'),
    ('73340', 'ready', '{}');
