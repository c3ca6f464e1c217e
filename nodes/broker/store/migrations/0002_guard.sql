-- Counting results by status looks at no result.

CREATE INDEX results_status ON results (status);
