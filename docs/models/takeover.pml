/*
 * Takeover: three ledger workers, one partition, three input records; the last tells the event of the first again.
 *
 * Checked: whatever is killed, frozen, expelled or timed out between any two steps, each record has one committed
 * journal entry and the changelog's last committed row is the fold of all records before its offset. README.md says
 * which function each transition stands for, and what is left out.
 *
 * A state of the partition is a byte: next input offset (bits 0 and 1), how often event 0 and event 1 were folded (2
 * bits each). Numbers that are only compared (epochs, generations) are bits: is_fenced, is_current.
 */

#ifndef WORKERS
#define WORKERS 3
#endif
#define RECORDS 3
#define ROWS    6               /* changelog batches, aborted ones included; a run that needs more is not followed */
#ifndef FAULTS
#define FAULTS  2               /* kills, expulsions and time-outs of the living, exceptions in the fold */
#endif

#define NEXT(state)        ((state) & 3)
#define EVENT(record)      ((record) & 1)
#define TIMES(state,event) (((state) >> (2 + 2 * (event))) & 3)
#define FOLD_OF(next)      ((next) | ((next) > 0 -> 4 : 0) | ((next) > 1 -> 16 : 0))

mtype = { none, open, committing, aborting }                          /* a transaction, as its coordinator has it */
mtype = { undecided, committed, aborted }                             /* a batch of rows in the changelog */
mtype = { down, starting, joining, waiting, asking, measuring, restoring, holding }
                                                                      /* where a session is */
mtype = { idle, produced, offsets_sent, succeeded }                   /* how far the batch in flight is */

/* Kafka: the changelog, the transactions by worker, the group. */
mtype status[ROWS]; byte row[ROWS]; byte owner_of[ROWS]; byte rows;
mtype transaction[WORKERS]; bool is_fenced[WORKERS]; byte sent[WORKERS];
bool to_mark_rows[WORKERS]; bool to_mark_offsets[WORKERS];
byte group_offset; bool is_member[WORKERS]; bool is_current[WORKERS]; byte owner; bool is_rebalancing;
byte owners = 1;                /* workers that were given the partition yet: those who were not are all alike */
byte entries[RECORDS];          /* committed journal entries of each record */

/* Workers: what is in memory, what is in the local store, the batch in flight. */
mtype at[WORKERS]; mtype flight[WORKERS];
byte state[WORKERS]; byte read_to[WORKERS]; byte asked[WORKERS]; byte high[WORKERS];
bool is_folded[WORKERS]; byte folded_from[WORKERS];
byte flying_state[WORKERS]; byte flying_from[WORKERS]; byte flying_to[WORKERS]; byte flying_row[WORKERS];
byte stored[WORKERS]; byte position[WORKERS];
bool is_on_the_wire[WORKERS];   /* the last request of a worker that was killed has not arrived yet */
byte faults;

#define IS_PENDING(w)   (sent[w] != 0)
#define MORE_OF(a, b)   ((a) > (b) -> (a) : (b))
#define HAS_PLACE(w)    (is_member[w] && is_current[w])
#if WORKERS == 3
#define IS_EMPTY        (!is_member[0] && !is_member[1] && !is_member[2])
#define ARE_STABLE      (!IS_PENDING(0) && !IS_PENDING(1) && !IS_PENDING(2))
#else
#define IS_EMPTY        (!is_member[0] && !is_member[1])
#define ARE_STABLE      (!IS_PENDING(0) && !IS_PENDING(1))
#endif
#ifdef UNSTABLE_OFFSETS
#define MAY_ASK         true
#else
#define MAY_ASK         ARE_STABLE
#endif

inline forget(w) {              /* what a process or a session had in memory */
    state[w] = 0; read_to[w] = 0; asked[w] = 0; high[w] = 0; is_folded[w] = false; folded_from[w] = 0
}

inline land(w) {                /* the batch in flight is over */
    flight[w] = idle; flying_state[w] = 0; flying_from[w] = 0; flying_to[w] = 0; flying_row[w] = 0
}

inline lose_place(w) { forget(w); at[w] = starting }

/* --- the worker ----------------------------------------------------------------------------------------- */

inline start_session(w) {       /* fences the one that it was, and waits for the end of its transaction */
    if
    :: transaction[w] == open ->
        begin_abort(w); is_fenced[w] = true
    :: transaction[w] == none ->
        is_fenced[w] = false; is_current[w] = false;
        land(w);
        at[w] = joining
    fi
}

inline join(w) {                /* a static member that the group knows has its place back at once */
    if
    :: is_member[w]
    :: else -> is_member[w] = true; is_rebalancing = true
    fi;
    at[w] = waiting
}

inline take_assignment(w) {
    is_current[w] = true;
#ifdef WATERMARK_FIRST
    at[w] = measuring
#else
    at[w] = asking
#endif
}

inline ask_committed(w) {       /* answered when no transaction has offsets pending */
    asked[w] = group_offset;
#ifdef WATERMARK_FIRST
    at[w] = restoring
#else
    at[w] = measuring
#endif
}

inline ask_watermark(w) {       /* the changelog's end, open transactions included */
    high[w] = rows;
#ifdef RESTORE_TO_LAST_STABLE_OFFSET
    high[w] = 0;
    do
    :: high[w] < rows && status[high[w]] != undecided -> high[w]++
    :: else -> break
    od;
#endif
#ifdef WATERMARK_FIRST
    at[w] = asking
#else
    at[w] = restoring
#endif
}

inline restore_store(w) {       /* read_committed: rows come when what is before them is decided */
    do
    :: position[w] < high[w] && status[position[w]] == committed ->
        stored[w] = row[position[w]]; position[w]++
    :: position[w] < high[w] && status[position[w]] == aborted -> position[w]++
    :: else -> break
    od;
    if
    :: position[w] >= high[w] ->
        state[w] = stored[w]; read_to[w] = NEXT(state[w]);
#ifdef HOLE_AFTER_ASSIGNMENT
        read_to[w] = (read_to[w] > 0 && read_to[w] < RECORDS -> read_to[w] + 1 : read_to[w]);
#endif
        assert(asked[w] <= NEXT(state[w]));               /* a worker that is behind the group stops: none ever is */
        asked[w] = 0; high[w] = 0;
        at[w] = holding
    :: else
    fi
}

inline fold(w) {                /* some records, in memory alone; the batch before may still be in flight */
    folded_from[w] = read_to[w];
    do
    :: read_to[w] < RECORDS ->
        if
#ifdef DUPLICATES_NOT_CHECKED
        :: true ->
#else
        :: TIMES(state[w], EVENT(read_to[w])) == 0 ->
#endif
            state[w] = state[w] + (1 << (2 + 2 * EVENT(read_to[w])))
#ifndef DUPLICATES_NOT_CHECKED
        :: else
#endif
        fi;
        read_to[w]++;
        state[w] = (state[w] & 60) | read_to[w];
        if
        :: true -> break
        :: read_to[w] < RECORDS
        fi
    od;
    is_folded[w] = true
}

inline fold_raises(w) {         /* the batch is given up; with the code mended the process starts again */
    faults++;
#ifdef EXCEPTION_ACKNOWLEDGED
    folded_from[w] = read_to[w]; read_to[w]++;
    state[w] = (state[w] & 60) | read_to[w]; is_folded[w] = true
#else
    kill(w)
#endif
}

inline begin_commit(w) {        /* produce outputs and rows; the offsets row is the batch's last */
    flying_state[w] = state[w]; flying_from[w] = folded_from[w]; flying_to[w] = read_to[w];
    is_folded[w] = false; folded_from[w] = 0;
    if
#ifdef AT_LEAST_ONCE
    :: true ->
        count_entries(w);
        append_rows(w, committed)
#else
    :: is_fenced[w] -> lose_place(w)
    :: else ->
        transaction[w] = open;
        append_rows(w, undecided)
#endif
    fi
}

inline append_rows(w, how) {
    row[rows] = flying_state[w]; owner_of[rows] = w; status[rows] = how;
#ifdef CHANGELOG_SKIPPED
    row[rows] = flying_to[w] | (rows > 0 -> row[rows - 1] & 60 : 0);
#endif
    flying_row[w] = rows; rows++;
    flight[w] = produced
}

inline send_offsets(w) {        /* the group's metadata as of the assignment fences who was replaced */
    if
#if defined(AT_LEAST_ONCE)
    :: HAS_PLACE(w) -> group_offset = flying_to[w]; flight[w] = succeeded
    :: else -> if :: at[w] != down -> lose_place(w) :: else fi
#elif defined(NO_FENCING)
    :: true -> flight[w] = offsets_sent
#else
    :: is_fenced[w] || transaction[w] != open -> refuse(w)
#ifdef MEMBER_AT_COMMIT
    :: !is_fenced[w] && transaction[w] == open && !is_member[w] && IS_EMPTY ->
        sent[w] = flying_to[w]; flight[w] = offsets_sent
#endif
    :: !is_fenced[w] && transaction[w] == open && !HAS_PLACE(w) -> refuse(w)
    :: !is_fenced[w] && transaction[w] == open && HAS_PLACE(w) ->
        sent[w] = flying_to[w]; flight[w] = offsets_sent
#endif
    fi;
#ifdef STORE_BEFORE_COMMIT
    if
    :: flight[w] == offsets_sent && at[w] != down -> stored[w] = flying_state[w]; position[w] = flying_row[w] + 1
    :: else
    fi
#endif
}

inline refuse(w) {              /* nothing of the batch stands; the session is over */
    if
    :: at[w] != down -> lose_place(w)
    :: else                     /* it was a dead one's request */
    fi
}

inline end_transaction(w) {
    if
    :: is_fenced[w] || transaction[w] != open -> refuse(w)
    :: else ->
        count_entries(w);
        transaction[w] = committing; to_mark_rows[w] = true; to_mark_offsets[w] = IS_PENDING(w);
        assert(flying_state[w] == FOLD_OF(flying_to[w]));
#ifdef NO_FENCING
        if
        :: HAS_PLACE(w) -> group_offset = flying_to[w]
        :: else                                           /* "offsets not committed", and on it goes */
        fi;
#endif
        if
        :: at[w] != down -> flight[w] = succeeded
        :: else
        fi
    fi
}

inline count_entries(w) {       /* the decision: the batch's outputs are there for whoever reads what was committed */
    byte r;
#ifdef OUTPUTS_SKIPPED
    r = flying_from[w] + 1;
#else
    r = flying_from[w];
#endif
    do
    :: r < flying_to[w] -> entries[r]++; assert(entries[r] <= 1); r++
    :: else -> r = 0; break
    od
}

inline settle(w) {              /* the commit succeeded: now the local store */
    if
#ifdef STORE_BEFORE_COMMIT
    :: true
#else
    :: true -> stored[w] = flying_state[w]; position[w] = flying_row[w] + 1
#endif
    fi;
    land(w)
}

inline give_partition_up(w) {   /* it heard of a rebalance, or that it was expelled; the commit in flight was settled */
    forget(w);
    at[w] = joining
}

inline kill(w) {                /* memory is gone; its last request may be under way; its transaction stays open */
    forget(w);
    is_on_the_wire[w] = (flight[w] == produced || flight[w] == offsets_sent);
    if
    :: is_on_the_wire[w]
    :: else -> land(w)
    fi;
    at[w] = down
}

/* --- Kafka ---------------------------------------------------------------------------------------------- */

inline begin_abort(w) {
    transaction[w] = aborting; to_mark_rows[w] = true; to_mark_offsets[w] = IS_PENDING(w)
}

inline mark_rows(w) {
    byte i = 0;
    do
    :: i < rows && owner_of[i] == w && status[i] == undecided ->
        status[i] = (transaction[w] == committing -> committed : aborted); owner_of[i] = 0;
        row[i] = (transaction[w] == committing -> row[i] : 0); i++
    :: i < rows && !(owner_of[i] == w && status[i] == undecided) -> i++
    :: else -> i = 0; break
    od;
    to_mark_rows[w] = false;
    close_transaction(w)
}

inline mark_offsets(w) {
    byte r = 0;
    if
    :: transaction[w] == committing ->
        group_offset = sent[w];
        do
        :: r < group_offset -> assert(entries[r] == 1); r++
        :: else -> r = 0; break
        od
    :: else
    fi;
    sent[w] = 0; to_mark_offsets[w] = false;
    close_transaction(w)
}

inline close_transaction(w) {
    if
    :: !to_mark_rows[w] && !to_mark_offsets[w] -> transaction[w] = none
    :: else
    fi
}

inline time_out_transaction(w) { begin_abort(w); is_fenced[w] = true }

inline expel(w) { is_member[w] = false; is_rebalancing = true }

inline share_out(w) {           /* a new generation */
    byte m = 0;
    do
    :: m < WORKERS -> is_current[m] = false; m++
    :: else -> m = 0; break
    od;
    owner = w; is_rebalancing = false;
    owners = MORE_OF(owners, w + 1)
}

inline deliver_late(w) {        /* what a killed worker had sent */
    is_on_the_wire[w] = false;
    if
    :: flight[w] == produced -> send_offsets(w)
    :: flight[w] == offsets_sent -> end_transaction(w)
    :: true
    fi;
    land(w)
}

/* --- who may do what, and when -------------------------------------------------------------------------- */

#define IS_ALIVE(w)     (at[w] != down && at[w] != starting)
#define MUST_GO(w)      (at[w] == holding && (is_rebalancing || !HAS_PLACE(w)))
#define HAS_LET_GO      (!is_member[owner] || at[owner] == waiting)
#define MORE(w)         (at[w] == holding && !is_folded[w] && read_to[w] < RECORDS)

proctype Worker(byte w) {
end:
    do
    :: atomic { at[w] == down && !is_on_the_wire[w] -> at[w] = starting }
    :: atomic { at[w] == starting && (transaction[w] == open || transaction[w] == none) -> start_session(w) }
    :: atomic { at[w] == joining -> join(w) }
    :: atomic { at[w] == waiting && !is_rebalancing && is_member[w] && owner == w -> take_assignment(w) }
    :: atomic { at[w] == waiting && !is_member[w] -> at[w] = joining }
    :: atomic { at[w] == asking && MAY_ASK -> ask_committed(w) }
    :: atomic { at[w] == measuring -> ask_watermark(w) }
    :: atomic { at[w] == restoring && (position[w] >= high[w] || status[position[w]] != undecided) -> restore_store(w) }
    :: atomic { MORE(w) && (flight[w] == idle || flight[w] == produced) -> fold(w) }
    :: atomic { MORE(w) && (flight[w] == idle || flight[w] == produced) && faults < FAULTS -> fold_raises(w) }
    :: atomic { at[w] == holding && flight[w] == succeeded -> settle(w) }
    :: atomic { at[w] == holding && flight[w] == idle && is_folded[w] && rows < ROWS &&
                (transaction[w] == none || is_fenced[w]) -> begin_commit(w) }
    :: atomic { at[w] == holding && flight[w] == produced -> send_offsets(w) }
    :: atomic { at[w] == holding && flight[w] == offsets_sent -> end_transaction(w) }
    :: atomic { MUST_GO(w) && flight[w] == idle && !is_folded[w] -> give_partition_up(w) }
    :: atomic { at[w] == holding && faults < FAULTS -> faults++; kill(w) }
    od
}

proctype Kafka(byte w) {        /* what it does about one worker, of itself */
end:
    do
    :: atomic { to_mark_rows[w] -> mark_rows(w) }
    :: atomic { to_mark_offsets[w] -> mark_offsets(w) }
    :: atomic { is_rebalancing && is_member[w] && HAS_LET_GO && w <= owners -> share_out(w) }
    :: atomic { is_member[w] && at[w] == down -> expel(w) }
    :: atomic { is_member[w] && owner == w && IS_ALIVE(w) && !is_rebalancing && faults < FAULTS -> faults++; expel(w) }
    :: atomic { is_member[w] && owner == w && !is_rebalancing && faults < FAULTS -> faults++; is_rebalancing = true }
    :: atomic { transaction[w] == open && at[w] == down -> time_out_transaction(w) }
    :: atomic { transaction[w] == open && IS_ALIVE(w) && faults < FAULTS -> faults++; time_out_transaction(w) }
    :: atomic { is_on_the_wire[w] -> deliver_late(w) }
    od
}

init {
    atomic {
        byte n = 0;
        do
        :: n < WORKERS ->
            transaction[n] = none; at[n] = waiting; flight[n] = idle; is_member[n] = true;
            run Worker(n); run Kafka(n); n++
        :: else -> n = 0; break
        od
    };
    timeout;                    /* nothing is left to do, and nobody else is to come */
    assert(entries[0] == 1 && entries[1] == 1 && entries[2] == 1);
    do
    :: status[rows - 1] == aborted -> rows--
    :: else -> break
    od;
    assert(row[rows - 1] == FOLD_OF(RECORDS));
#ifndef NO_FENCING
    assert(group_offset == RECORDS)
#endif
}
