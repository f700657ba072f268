-- +goose Up

-- Batch jobs, in the words of Spring Batch. An instance is a job with parameters. Its
-- executions share a run id as long as each finishes what the one before has left.
CREATE TABLE job_instances (
	id         UUID PRIMARY KEY,
	job        TEXT NOT NULL CHECK (job <> ''),
	parameters TEXT NOT NULL CHECK (parameters <> ''),
	created_us BIGINT NOT NULL,
	CONSTRAINT job_instances_job_parameters_key UNIQUE (job, parameters)
);

CREATE TABLE job_executions (
	id           UUID PRIMARY KEY,
	instance_id  UUID NOT NULL CONSTRAINT job_executions_instance_id_fkey REFERENCES job_instances (id),
	job          TEXT NOT NULL CHECK (job <> ''),
	run_id       UUID NOT NULL,
	run_us       BIGINT NOT NULL, -- when the run began
	status       TEXT NOT NULL CHECK (status IN ('STARTING', 'STARTED', 'STOPPING', 'STOPPED', 'COMPLETED', 'FAILED', 'ABANDONED')),
	exit_code    TEXT NOT NULL,
	message      TEXT NOT NULL,
	started_by   TEXT NOT NULL,
	holder       TEXT NOT NULL, -- of the lease
	host         TEXT NOT NULL,
	token        BIGINT NOT NULL, -- of the lease
	created_us   BIGINT NOT NULL,
	started_us   BIGINT,
	ended_us     BIGINT,
	heartbeat_us BIGINT NOT NULL,
	stop_us      BIGINT, -- when a stop was requested
	CHECK ((ended_us IS NULL) = (status IN ('STARTING', 'STARTED', 'STOPPING'))),
	CHECK ((ended_us IS NULL) = (exit_code = ''))
) WITH (fillfactor = 80);
-- At most one execution of a job is active.
CREATE UNIQUE INDEX job_executions_active ON job_executions (job) WHERE ended_us IS NULL;
CREATE INDEX job_executions_job ON job_executions (job, id);
CREATE INDEX job_executions_instance ON job_executions (instance_id, id);
CREATE INDEX job_executions_run ON job_executions (run_id, id);

CREATE TABLE job_steps (
	execution_id UUID NOT NULL CONSTRAINT job_steps_execution_id_fkey REFERENCES job_executions (id),
	step         TEXT NOT NULL CHECK (step <> ''),
	position     INTEGER NOT NULL CHECK (position >= 0),
	status       TEXT NOT NULL CHECK (status IN ('STARTED', 'STOPPED', 'COMPLETED', 'FAILED')),
	message      TEXT NOT NULL,
	items_read    BIGINT NOT NULL CHECK (items_read >= 0),
	items_written BIGINT NOT NULL CHECK (items_written >= 0),
	items_skipped BIGINT NOT NULL CHECK (items_skipped >= 0),
	started_us   BIGINT NOT NULL,
	ended_us     BIGINT,
	PRIMARY KEY (execution_id, step),
	CHECK ((ended_us IS NULL) = (status = 'STARTED'))
) WITH (fillfactor = 80);

CREATE TABLE job_partitions (
	run_id       UUID NOT NULL,
	step         TEXT NOT NULL CHECK (step <> ''),
	name         TEXT NOT NULL,
	position     INTEGER NOT NULL CHECK (position >= 0),
	status       TEXT NOT NULL CHECK (status IN ('STARTING', 'STARTED', 'STOPPED', 'COMPLETED', 'FAILED')),
	progress     TEXT NOT NULL, -- where the last committed chunk ended
	message      TEXT NOT NULL,
	items_read    BIGINT NOT NULL CHECK (items_read >= 0),
	items_written BIGINT NOT NULL CHECK (items_written >= 0),
	items_skipped BIGINT NOT NULL CHECK (items_skipped >= 0),
	execution_id UUID NOT NULL CONSTRAINT job_partitions_execution_id_fkey REFERENCES job_executions (id), -- that worked on it last
	PRIMARY KEY (run_id, step, name)
) WITH (fillfactor = 80);
CREATE INDEX job_partitions_execution ON job_partitions (execution_id);

-- The last due time of a schedule that was dealt with. Who locks the row starts the job.
CREATE TABLE job_schedules (
	name         TEXT PRIMARY KEY CHECK (name <> ''),
	due_us       BIGINT NOT NULL,
	execution_id UUID,
	attempts     INTEGER NOT NULL CHECK (attempts >= 0)
);
