/*
 * Lending: a pool lends units of one shelf to another, by numbered messages that are lost, repeated and overtaken.
 *
 * Checked after every step: the borrower never has more than the lender lent it, promises no more than it has, and no
 * unit is promised twice; at the end, when nothing more is lost, both know the same. README.md says which function each
 * transition stands for, and what is left out.
 *
 * Each message is numbered, and what is not newer than the last that was heard changes nothing. So one that is overtaken
 * by a later one is as good as lost: `LOST` at most are lost or overtaken. Orders of the borrower want one unit each.
 */

#ifndef STOCK
#define STOCK    2              /* units on the lender's shelf */
#endif
#ifndef ORDERS
#define ORDERS   2              /* the borrower's */
#endif
#ifndef MESSAGES
#define MESSAGES 8              /* each way; a run that needs more is followed no further */
#endif
#ifndef DEEDS
#define DEEDS    4              /* quotas, sales, receipts and orders at home, together */
#endif
#ifndef LOST
#define LOST     1
#endif
#define ALL      255            /* of a loan's cover: the shelf covers all of it */

mtype = { loan, draw };                                         /* what a message is about */
mtype = { nothing, tentative, told, withdrawn, over };             /* an order of the borrower's */
mtype = { unknown, kept, handed_over, given_up };               /* its part, at the lender */

typedef Message { mtype about; byte first; byte second; byte third; byte answers }
Message to_borrower[MESSAGES]; Message to_lender[MESSAGES];
byte lender_sent; byte lender_heard; byte borrower_sent; byte borrower_heard;

/* The lender's books. */
byte on_hand = STOCK; byte own; byte quota;
byte granted; byte returned; byte drawn; byte limit; byte covered = ALL; byte loan_sequence; byte loan_answered;
mtype part[ORDERS]; byte draw_heard[ORDERS];

/* The borrower's. */
byte b_granted; byte b_returned; byte b_drawn; byte b_limit; byte b_covered = ALL; byte b_loan_heard;
mtype order[ORDERS]; byte draw_sequence[ORDERS]; byte draw_answered[ORDERS];
byte deeds; byte lost; byte repeated; bool is_loan_due; bool is_draw_due[ORDERS];

#define LENT        (granted - returned - drawn)
#define B_LENT      (b_granted - b_returned - b_drawn)
#define IS(a, n)    (order[n] == a -> 1 : 0)
#define HELD        (IS(tentative, 0) + IS(tentative, 1))
#define KEPT        (own + (part[0] == kept -> 1 : 0) + (part[1] == kept -> 1 : 0))
#define BELOW(a, b) ((a) > (b) -> (a) - (b) : 0)
#define LESS(a, b)  ((a) < (b) -> (a) : (b))
#define MORE(a, b)  ((a) > (b) -> (a) : (b))
#ifdef LENT_IS_FREE_AT_HOME
#define AVAILABLE   BELOW(on_hand, KEPT)
#else
#define AVAILABLE   BELOW(on_hand, KEPT + LENT)
#endif
#ifdef NEVER_CALLED_BACK
#define COVER       ALL
#else
#define COVER       (KEPT + LENT > on_hand && LENT > 0 -> BELOW(LENT, KEPT + LENT - on_hand) : ALL)
#endif

inline check() {
    assert(granted >= returned + drawn && b_granted >= b_returned + b_drawn);
    assert(b_granted <= granted && b_returned >= returned && b_drawn >= drawn);
    assert(B_LENT <= LENT);                               /* the borrower's figure is never above the lender's */
    assert(HELD <= B_LENT);                               /* what the borrower promises, it has */
    assert(B_LENT <= MORE(b_limit, HELD) && (b_covered == ALL || B_LENT <= MORE(b_covered, 0)));
    assert(KEPT <= on_hand);                              /* no unit is kept for two */
    assert(LENT == 0 || KEPT + LENT <= on_hand || (covered != ALL && covered <= on_hand - KEPT));
}

/* --- the lender ----------------------------------------------------------------------------------------- */

inline tell_loan() {
    loan_sequence = lender_sent + 1;
    to_borrower[lender_sent].about = loan; to_borrower[lender_sent].first = granted;
    to_borrower[lender_sent].second = limit; to_borrower[lender_sent].third = covered;
    lender_sent++
}

inline tell_part(n) {
    to_borrower[lender_sent].about = draw; to_borrower[lender_sent].first = n;
    to_borrower[lender_sent].second = part[n]; to_borrower[lender_sent].answers = draw_heard[n];
    lender_sent++
}

inline adjust() {               /* lend what is missing to the quota, call back what is above it or not there */
    wanted = LESS(BELOW(quota, LENT), AVAILABLE);
    if
    :: granted + wanted > 0 && (wanted > 0 || limit != quota || covered != COVER) ->
        granted = granted + wanted; limit = quota; covered = COVER;
        tell_loan()
    :: else
    fi;
    wanted = 0
}

inline make_room() {            /* a till's sale always wins: then orders at home give way, then the borrower's */
    do
    :: KEPT > on_hand && own > 0 -> own--
    :: KEPT > on_hand && own == 0 && part[1] == kept -> part[1] = given_up; tell_part(1)
    :: KEPT > on_hand && own == 0 && part[1] != kept -> part[0] = given_up; tell_part(0)
    :: else -> break
    od;
    adjust()
}

inline hand_over(n) { part[n] = handed_over; on_hand--; tell_part(n); make_room() }

inline take_loan_ack(i) {
    returned = MORE(returned, to_lender[i].first);
    assert(returned + drawn <= granted);                  /* never refused as more than was lent */
    loan_answered = MORE(loan_answered, to_lender[i].answers);
    adjust()
}

inline take_draw_status(i) {
    n = to_lender[i].first;
    if
    :: to_lender[i].third == 1 -> part[n] = unknown; draw_heard[n] = 0
    :: else ->
        draw_heard[n] = i + 1;
        if
        :: part[n] == unknown ->
            assert(LENT >= 1);                            /* never refused as not lent */
            drawn++;
            part[n] = (to_lender[i].second == 1 -> given_up : kept)
        :: part[n] == kept && to_lender[i].second == 1 -> part[n] = given_up
        :: else
        fi;
        tell_part(n);
        make_room()
    fi;
    n = 0
}

/* --- the borrower --------------------------------------------------------------------------------------- */

inline answer_loan() {
    to_lender[borrower_sent].about = loan; to_lender[borrower_sent].first = b_returned;
    to_lender[borrower_sent].answers = b_loan_heard;
    borrower_sent++
}

inline tell_draw(n, is_closed) {
    draw_sequence[n] = borrower_sent + 1;
    to_lender[borrower_sent].about = draw; to_lender[borrower_sent].first = n;
    to_lender[borrower_sent].second = (order[n] == withdrawn -> 1 : 0); to_lender[borrower_sent].third = is_closed;
    borrower_sent++
}

inline give_back() {            /* what the shelf does not cover, held or not; what is above the limit, when it is free */
#ifndef NEVER_GIVEN_BACK
    back = (b_covered == ALL -> 0 : BELOW(B_LENT, b_covered));
    back = back + LESS(BELOW(B_LENT - back, b_limit), BELOW(B_LENT - back, HELD));
    b_returned = b_returned + back; back = 0;
#endif
    do
    :: HELD > B_LENT && order[1] == tentative -> order[1] = over
    :: HELD > B_LENT && order[1] != tentative -> order[0] = over
    :: else -> break
    od
}

inline take_loan_status(i) {
    b_granted = MORE(b_granted, to_borrower[i].first);
    b_limit = to_borrower[i].second; b_covered = to_borrower[i].third; b_loan_heard = i + 1;
    give_back();
    answer_loan()
}

inline take_draw_ack(i) {
    n = to_borrower[i].first;
    if
    :: order[n] == told || order[n] == withdrawn ->
        draw_answered[n] = MORE(draw_answered[n], to_borrower[i].answers);
        if
        :: to_borrower[i].second == handed_over || to_borrower[i].second == given_up ->
            order[n] = over; tell_draw(n, 1);
            draw_sequence[n] = 0; draw_answered[n] = 0
        :: else
        fi
    :: else
    fi;
    n = 0
}

inline let_go(n) {              /* a tentative hold ends: cancelled or expired */
    order[n] = over;
    was = b_returned;
    give_back();
    if
    :: b_returned != was -> answer_loan()
    :: else
    fi;
    was = 0
}

inline confirm(n) { order[n] = told; b_drawn++; tell_draw(n, 0) }

inline withdraw(n) { order[n] = withdrawn; tell_draw(n, 0) }

/* --- the network ---------------------------------------------------------------------------------------- */

inline lose(message) {          /* whoever waits for an answer tells it again, by tick */
    lost++;
    if
    :: message.about == loan -> is_loan_due = true
    :: else -> is_draw_due[message.first] = true
    fi
}

#ifdef NOT_NUMBERED
#define FORGET(message)
#else
#define FORGET(message) message.about = 0; message.first = 0; message.second = 0; message.third = 0; message.answers = 0
#endif

inline reach_lender(i) {
    if
    :: to_lender[i].about == loan -> take_loan_ack(i)
    :: else -> take_draw_status(i)
    fi;
    FORGET(to_lender[i])
}

inline reach_borrower(i) {
    if
    :: to_borrower[i].about == loan -> take_loan_status(i)
    :: else -> take_draw_ack(i)
    fi;
    FORGET(to_borrower[i])
}

/* --- who may do what, and when -------------------------------------------------------------------------- */

#define HAS_ROOM     (lender_sent + 4 <= MESSAGES && borrower_sent + 2 <= MESSAGES)
#define IS_TOLD(n)   (order[n] == told || order[n] == withdrawn)
#define WAITS        (loan_answered < loan_sequence || LENT > LESS(limit, covered))
#define MAY_DO       (HAS_ROOM && deeds < DEEDS)

active proctype Pools() {
    byte wanted, was, back, n, old;
    order[0] = nothing; order[1] = nothing; part[0] = unknown; part[1] = unknown;
end:
    do
    /* the lender's settings, till and orders */
    :: atomic { MAY_DO && quota != STOCK -> deeds++; quota = STOCK; adjust(); check() }
    :: atomic { MAY_DO && quota != 0 -> deeds++; quota = 0; adjust(); check() }
    :: atomic { MAY_DO && on_hand > 0 -> deeds++; on_hand--; make_room(); check() }
    :: atomic { MAY_DO && on_hand < STOCK -> deeds++; on_hand++; adjust(); check() }
    :: atomic { MAY_DO && AVAILABLE > 0 -> deeds++; own++; check() }
    :: atomic { HAS_ROOM && part[0] == kept -> hand_over(0); check() }
    :: atomic { HAS_ROOM && part[1] == kept -> hand_over(1); check() }
    /* the borrower's customers */
    :: atomic { HAS_ROOM && order[0] == nothing && B_LENT > HELD -> order[0] = tentative; check() }
    :: atomic { HAS_ROOM && order[1] == nothing && B_LENT > HELD -> order[1] = tentative; check() }
    :: atomic { HAS_ROOM && order[0] == tentative -> confirm(0); check() }
    :: atomic { HAS_ROOM && order[1] == tentative -> confirm(1); check() }
    :: atomic { HAS_ROOM && order[0] == tentative -> let_go(0); check() }
    :: atomic { HAS_ROOM && order[1] == tentative -> let_go(1); check() }
    :: atomic { MAY_DO && order[0] == told -> deeds++; withdraw(0); check() }
    :: atomic { MAY_DO && order[1] == told -> deeds++; withdraw(1); check() }
#ifndef TOLD_ONCE
    /* told again */
    :: atomic { HAS_ROOM && is_loan_due && WAITS -> is_loan_due = false; tell_loan() }
    :: atomic { HAS_ROOM && is_draw_due[0] && IS_TOLD(0) -> is_draw_due[0] = false; tell_draw(0, 0) }
    :: atomic { HAS_ROOM && is_draw_due[1] && IS_TOLD(1) -> is_draw_due[1] = false; tell_draw(1, 0) }
#endif
    /* the network */
    :: atomic { lost < LOST && lender_heard < borrower_sent -> lose(to_lender[lender_heard]); lender_heard++ }
    :: atomic { lost < LOST && borrower_heard < lender_sent -> lose(to_borrower[borrower_heard]); borrower_heard++ }
    :: atomic { HAS_ROOM && lender_heard < borrower_sent ->
                lender_heard++; reach_lender(lender_heard - 1); check() }
    :: atomic { HAS_ROOM && borrower_heard < lender_sent ->
                borrower_heard++; reach_borrower(borrower_heard - 1); check() }
#ifdef NOT_NUMBERED
    :: atomic { HAS_ROOM && lender_heard > 0 && repeated < 1 -> repeated++;
                do :: old + 1 < lender_heard -> old++ :: break od; reach_lender(old); old = 0; check() }
    :: atomic { HAS_ROOM && borrower_heard > 0 && repeated < 1 -> repeated++;
                do :: old + 1 < borrower_heard -> old++ :: break od; reach_borrower(old); old = 0; check() }
#endif
    od
}

init {
    timeout;                    /* all was told */
#ifndef NOT_NUMBERED
    if
    :: HAS_ROOM ->
        assert(granted == b_granted && returned == b_returned && drawn == b_drawn && limit == b_limit);
        assert(LENT <= MORE(limit, HELD) && (covered == ALL || LENT <= covered))
    :: else                     /* it has come to the end of its messages */
    fi
#endif
}
