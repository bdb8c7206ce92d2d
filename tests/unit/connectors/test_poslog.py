"""POSLog: what of a transaction becomes a sale, what is left out and counted, and which files are refused."""

import io
import resource
from collections import Counter
from xml.etree.ElementTree import fromstring
from xml.sax.saxutils import escape, quoteattr
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.contract import StoreContext
from connectors.parsing.guarded_xml import DEPTH_MAX, TAG_MAX_BYTES, XmlRefused
from connectors.poslog.transactions import CHARS_MAX, ELEMENTS_MAX, read_transactions
from connectors.poslog.translate import store_label, translate
from schemas.codec import topic_codec

NAMESPACE = "http://www.nrf-arts.org/IXRetail/namespace/"
GROCER = StoreContext("north", "grocer-7", ZoneInfo("Europe/Berlin"), "EUR")
SEEN_MS = 1_772_400_000_000
GTIN = "4006381333931"
CANARY = "Erika Mustermann"


def item(inner, sequence="1", attributes=""):
    return f"<LineItem {attributes}><SequenceNumber>{sequence}</SequenceNumber>{inner}</LineItem>"


BARCODE = f'<ItemID Type="GTIN">{GTIN}</ItemID>'


def goods(code=BARCODE, quantity="<Quantity>1</Quantity>", kind="Sale", rest="", attr=""):
    return f"<{kind} {attr}>{code}{quantity}{rest}</{kind}>"


def transaction(lines, attributes="", head=None, retail=""):
    head = head or (
        "<RetailStoreID>0042</RetailStoreID><WorkstationID>3</WorkstationID><SequenceNumber>17</SequenceNumber>"
        "<BusinessDayDate>2026-03-01</BusinessDayDate><BeginDateTime>2026-03-01T09:14:00</BeginDateTime>"
        "<EndDateTime>2026-03-01T09:15:00</EndDateTime>"
    )
    retail_transaction = f"<RetailTransaction {retail}>{''.join(lines)}</RetailTransaction>"
    return f"<Transaction {attributes}>{head}{retail_transaction}</Transaction>"


def log(*transactions):
    return f'<POSLog xmlns="{NAMESPACE}">{"".join(transactions)}</POSLog>'.encode()


def read(content, label=None):
    found = [translate(each.element, GROCER, SEEN_MS, label) for each in read_transactions(io.BytesIO(content))]
    return (
        [event for each in found for event in each.events],
        [problem for each in found for problem in each.problems],
        Counter(skip.reason.value for each in found for skip in each.skipped),
    )


def the_lines(*lines, **how):
    events, problems, _ = read(log(transaction(lines, **how)))
    assert problems == []
    return [(line.line_id, line.kind.value, line.code, line.quantity_milli) for each in events for line in each.lines]


def test_a_receipt_is_named_by_workstation_day_and_sequence():
    quantity = '<Quantity UnitOfMeasureCode="KGM">0.485</Quantity><ExtendedAmount>1.94</ExtendedAmount>'
    weighed = goods("<POSIdentity><POSItemID>4011</POSItemID></POSIdentity>", quantity)
    tender = item("<Tender><Amount>5</Amount></Tender>", "3")
    (sale,), problems, skipped = read(log(transaction([item(goods()), item(weighed, "2"), tender])))
    assert (problems, skipped) == ([], {"no_content": 1})
    assert (sale.pool, sale.store, sale.source.system, sale.source.id, sale.source.version, sale.till) == (
        "north", "grocer-7", "poslog", "3/2026-03-01/17", 1, "3",
    )  # fmt: skip
    assert (sale.occurred_at_ms, sale.recorded_at_ms, sale.currency) == (1772352900000, SEEN_MS, "EUR")
    assert [(line.line_id, line.code, line.quantity_milli, line.unit, line.price_minor) for line in sale.lines] == [
        ("1", "gtin:04006381333931", 1000, "each", None), ("2", "plu:4011", 485, "kg", 194),
    ]  # fmt: skip
    codec = topic_codec("pos.sales.v1")
    assert codec.decode(codec.encode(sale.to_avro())) == sale.to_avro()


@pytest.mark.parametrize(
    ("time", "at_ms"),
    [
        ("<EndDateTime>2026-03-01T09:15:00</EndDateTime>", 1772352900000),
        ("<EndDateTime>2026-03-01T09:15:00+00:00</EndDateTime>", 1772356500000),
        ("<ReceiptDateTime>2026-03-01T08:15:00.000Z</ReceiptDateTime>", 1772352900000),
        ("<BeginDateTime>2026-03-01T09:15:00</BeginDateTime>", 1772352900000),
    ],
)
def test_a_time_without_a_zone_is_the_stores(time, at_ms):
    head = f"<BusinessUnit><UnitID>42</UnitID></BusinessUnit><SequenceNumber>1</SequenceNumber>{time}"
    (sale,), problems, _ = read(log(transaction([item(goods())], head=head)))
    assert (sale.occurred_at_ms, sale.source.id, problems) == (at_ms, "-/2026-03-01/1", [])


def test_an_offline_sale_counts_at_its_own_time():
    events, _, _ = read(log(transaction([item(goods())], 'OfflineFlag="true"')))
    assert events[0].occurred_at_ms == 1772352900000


@pytest.mark.parametrize(
    ("attributes", "retail", "reason"),
    [
        ('CancelFlag="true"', "", "cancelled"), ('CancelFlag="1"', "", "cancelled"),
        ('TrainingModeFlag="true"', "", "training"), ('VoidedFlag="true"', "", "voided"),
        ('CancelFlag="false" SuspendedFlag="true"', "", "unpaid"),
        ("", 'TransactionStatus="Voided"', "voided"), ("", 'TransactionStatus="Suspended"', "unpaid"),
        ("", 'TransactionStatus="Canceled"', "cancelled"),
    ],
)  # fmt: skip
def test_what_is_no_sale_is_left_out_and_counted_by_line(attributes, retail, reason):
    lines = [item(goods()), item(goods(), "2")]
    assert read(log(transaction(lines, attributes, retail=retail))) == ([], [], {reason: 2})


@pytest.mark.parametrize(
    "attributes", ['CancelFlag="false" TrainingModeFlag="false" OfflineFlag="false" VoidedFlag="false"', ""]
)
@pytest.mark.parametrize("retail", ['TransactionStatus="Delivered"', 'TransactionStatus="Totaled"', ""])
def test_a_flag_that_is_false_changes_nothing(attributes, retail):
    assert len(the_lines(item(goods()), attributes=attributes, retail=retail)) == 1


def test_a_voided_line_is_left_out():
    events, _, skipped = read(log(transaction([item(goods(), "1"), item(goods(), "2", 'VoidFlag="true"')])))
    assert ([line.line_id for line in events[0].lines], skipped) == (["1"], {"voided": 1})


def test_a_vendors_whole_receipt_is_read_wherever_its_elements_stand():
    """As Retalix writes it: the head's end after the goods, seven decimals of a second, numbers under their lines."""
    line = (
        '<LineItem EntryMethod="Keyed"><Sale NotNormallyStockedFlag="true"><POSIdentity><POSItemID>7583599</POSItemID>'
        '</POSIdentity><ItemID Type="X:EAN">48</ItemID><ExtendedAmount Currency="GBP">2.59</ExtendedAmount>'
        '<Quantity EntryMethod="Automatic" UnitOfMeasureCode="EA" Units="1">1</Quantity></Sale><ScanData>48</ScanData>'
        "<SequenceNumber>1</SequenceNumber></LineItem>"
    )
    tender = item('<Tender TenderType="Cash"><Amount>2.59</Amount></Tender>', "5")
    tail = "<BusinessDayDate>2026-03-01</BusinessDayDate><EndDateTime>2026-03-01T15:21:54.4833703+01:00</EndDateTime>"
    head = "<WorkstationID>140</WorkstationID><SequenceNumber>451</SequenceNumber><TransactionID>119EKZ</TransactionID>"
    retail = f"<RetailTransaction>{line}{tender}</RetailTransaction>"
    events, problems, skipped = read(log(f"<Transaction>{head}{retail}{tail}</Transaction>"))
    (event,) = events
    assert (event.source.id, event.occurred_at_ms, problems) == ("140/2026-03-01/451", 1772374914483, [])
    assert [(line.code, line.quantity_milli, line.price_minor) for line in event.lines] == [("plu:7583599", 1000, 259)]
    assert skipped == {"no_content": 1}


def test_a_line_that_voids_another_takes_it_along_if_it_is_of_the_same_goods():
    void = item(goods(rest="<ItemLink>1</ItemLink>"), "3", 'VoidFlag="true"')
    other = item(goods("<ItemID>BAG</ItemID>", rest="<ItemLink>4</ItemLink>"), "5", 'VoidFlag="true"')
    lines = [item(goods(), "1"), item(goods(), "2"), void, item(goods(), "4"), other]
    events, _, skipped = read(log(transaction(lines)))
    assert ([line.line_id for line in events[0].lines], skipped) == (["2", "4"], {"voided": 3})


@pytest.mark.parametrize(
    ("inner", "reason"),
    [
        (goods(attr='ItemType="GiftCertificate"'), "gift_card"), (goods(attr='ItemType="Fee"'), "fee"),
        (goods(attr='ItemType="Service"'), "non_stock"), (goods(attr='ItemType="Deposit"'), "fee"),
        ("<Tip><Amount>2</Amount></Tip>", "tip"), ("<Tax><Amount>0.19</Amount></Tax>", "no_content"),
        ("<SaleForDelivery><ItemID>1</ItemID></SaleForDelivery>", "not_moved"), ("", "no_content"),
    ],
)  # fmt: skip
def test_tips_fees_gift_cards_and_services_are_left_out(inner, reason):
    events, problems, skipped = read(log(transaction([item(inner), item(goods(), "2")])))
    assert ([line.line_id for line in events[0].lines], problems, skipped) == (["2"], [], {reason: 1})


@pytest.mark.parametrize(
    ("rest", "kind"),
    [
        ("", "return"), ("<Disposal Method='ReturnToStock'/>", "return"),
        ("<Disposal>Destroy</Disposal>", "return_not_restocked"),
        ("<Reason>NA</Reason><TransactionLink><TransactionID>x</TransactionID></TransactionLink>", "return"),
    ],
)  # fmt: skip
def test_a_return_goes_back_to_stock_unless_it_is_disposed_of(rest, kind):
    assert the_lines(item(goods(kind="Return", rest=rest))) == [("1", kind, "gtin:04006381333931", 1000)]
    negative = goods(kind="Return", rest=rest, quantity="<Quantity>-1</Quantity>")
    assert the_lines(item(negative)) == [("1", kind, "gtin:04006381333931", 1000)]


@pytest.mark.parametrize(
    ("quantity", "milli"),
    [
        ("", 1000), ('<Quantity Units="1" UnitOfMeasureCode="EA">2</Quantity>', 2000),
        ('<Quantity Units="0.485" UnitOfMeasureCode="KGM">1</Quantity>', 485),
        ('<Quantity Units="1" UnitOfMeasureCode="KGM">0.485</Quantity>', 485),
        ('<Quantity Units="0.485" UnitOfMeasureCode="KGM">0.485</Quantity>', 485),
        ('<Quantity UnitOfMeasureCode="GRM">485</Quantity>', 485),
        ('<Quantity Units="" UnitOfMeasureCode="UN">1</Quantity>', 1000),
        ('<Quantity UnitOfMeasureCode="LTR">1.500</Quantity>', 1500),
    ],
)  # fmt: skip
def test_quantities_are_exact(quantity, milli):
    assert the_lines(item(goods(quantity=quantity)))[0][3] == milli


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('<ItemID Type="X:EAN">4006381333931</ItemID>', "gtin:04006381333931"),
        ("<ItemID>80271714</ItemID>", "sku:80271714"),
        ("<ItemID>1</ItemID><POSIdentity POSIDType='EAN'><POSItemID>96385074</POSItemID></POSIdentity>",
         "gtin:00000096385074"),
        ("<POSIdentity POSIDType='00'><POSItemID>00019640926190</POSItemID></POSIdentity>", "plu:00019640926190"),
        ("<POSIdentity><POSItemID>4006381333931</POSItemID></POSIdentity>", "gtin:04006381333931"),
        ('<ItemID Type="X:EAN">48</ItemID>', "sku:48"),
        ("<POSIdentity><POSItemID>7583599</POSItemID></POSIdentity><ItemID Type='X:EAN'>48</ItemID>", "plu:7583599"),
        (("<ItemID>32</ItemID><POSIdentity POSIDType='EAN'><POSItemID>0000000000121</POSItemID></POSIdentity>"
         "<POSIdentity POSIDType='POSItemID'><POSItemID>0000000000421</POSItemID></POSIdentity>"), "plu:0000000000421"),
        ("<ItemID>80271715</ItemID><POSIdentity POSIDType='EAN'><POSItemID>80271715</POSItemID></POSIdentity>",
         "sku:80271715"),
        (("<POSIdentity POSIDType='mainGroup'><POSItemID>010300</POSItemID></POSIdentity>"
         "<POSIdentity><POSItemID>608794</POSItemID></POSIdentity>"), "plu:608794"),
    ],
)  # fmt: skip
def test_a_barcode_names_the_item_if_there_is_one(code, expected):
    assert the_lines(item(goods(code)))[0][2] == expected


@pytest.mark.parametrize(
    ("inner", "place", "reason"),
    [
        (goods('<ItemID Type="GTIN">4006381333932</ItemID>'), "LineItem 1/gtin", "check digit"),
        (goods(""), "LineItem 1", "names no item"),
        (goods(quantity="<Quantity>0.0001</Quantity>"), "LineItem 1/quantity", "less than half"),
        (goods(quantity='<Quantity UnitOfMeasureCode="XSA">1</Quantity>'), "LineItem 1/Quantity", "not a unit"),
        (goods(quantity='<Quantity Units="3" UnitOfMeasureCode="KGM">2</Quantity>'), "LineItem 1/Quantity", "two ways"),
    ],
)
def test_a_bad_line_comes_back_alone(inner, place, reason):
    events, problems, _ = read(log(transaction([item(inner), item(goods(), "2")])))
    assert [line.line_id for line in events[0].lines] == ["2"]
    assert [problem.where for problem in problems] == [f"Transaction 3/2026-03-01/17, {place}"]
    assert reason in problems[0].reason


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        ("<WorkstationID>3</WorkstationID><EndDateTime>2026-03-01T09:15:00</EndDateTime>", "sequence number"),
        ("<SequenceNumber>1</SequenceNumber>", "time is missing"),
        ("<SequenceNumber>1</SequenceNumber><EndDateTime>noon</EndDateTime>", "noon"),
        (("<SequenceNumber>1</SequenceNumber><EndDateTime>2026-03-01T09:15:00</EndDateTime>"
         "<BusinessDayDate>1 March</BusinessDayDate>"), "1 March"),
    ],
)  # fmt: skip
def test_a_receipt_without_a_name_or_a_time_is_a_problem(head, reason):
    events, problems, _ = read(log(transaction([item(goods())], head=head)))
    assert (events, len(problems)) == ([], 1)
    assert reason in problems[0].reason


def test_lines_that_share_a_number_stay_apart():
    lines = [item(goods()), item(goods("<ItemID>BAG</ItemID>")), item("<Tender/>")]
    assert [line[0] for line in the_lines(*lines)] == ["1", "1#2"]


def test_a_post_void_takes_the_receipt_back_as_a_revision_in_which_nothing_moved():
    link = ("<TransactionLink><WorkstationID>9</WorkstationID><BusinessDayDate>2026-02-28</BusinessDayDate>"
            "<SequenceNumber>5</SequenceNumber></TransactionLink>")  # fmt: skip
    status = 'TransactionStatus="PostVoided"'
    for lines, expected in (([item(goods())], "3/2026-03-01/17"), ([link, item(goods())], "9/2026-02-28/5")):
        (sale,), problems, _ = read(log(transaction(lines, retail=status)))
        assert (sale.source.id, sale.source.version, problems) == (expected, 2, [])
        assert [(line.line_id, line.kind.value) for line in sale.lines] == [("1", "sale"), ("1/void", "void")]
    (sale,), _, _ = read(log(transaction([item(goods(kind="Return"))], retail=status)))
    assert [(line.line_id, line.kind.value) for line in sale.lines] == [("1", "return_not_restocked")]
    for lines in ([], [item(goods()), item(goods(""), "2")]):
        events, problems, _ = read(log(transaction(lines, retail=status)))
        assert events == []
        assert "post void" in problems[-1].reason


def test_what_is_no_retail_transaction_is_left_out_and_counted():
    content = log("<Transaction><ControlTransaction/></Transaction>",
                  "<Transaction><CustomerOrderTransaction/></Transaction>")  # fmt: skip
    assert read(content) == ([], [], {"no_content": 1, "unpaid": 1})


def test_another_store_in_the_file_is_left_out():
    other = transaction([item(goods())]).replace("0042", "0043")
    content = log(transaction([item(goods())]), other)
    labels = [store_label(each.element) for each in read_transactions(io.BytesIO(content))]
    events, problems, skipped = read(content, labels[0])
    assert (labels, len(events), problems, skipped) == (["0042", "0043"], 1, [], {"other_store": 1})


def test_a_vendors_extension_cannot_pass_for_the_standards():
    ours = goods(quantity='<v:Quantity xmlns:v="urn:vendor">9</v:Quantity><Quantity>2</Quantity>')
    assert the_lines(item(ours))[0][3] == 2000


@pytest.mark.parametrize("root", ["POSLog", "KLog", "LogDocuments"])
def test_the_root_may_be_a_vendors_and_the_namespace_missing(root):
    content = f"<{root}>{transaction([item(goods())])}</{root}>".encode("utf-16")
    assert len(read(content)[0]) == 1


def test_names_of_people_go_nowhere():
    head = ("<SequenceNumber>17</SequenceNumber><EndDateTime>2026-03-01T09:15:00</EndDateTime>"
            f"<OperatorID OperatorName={quoteattr(CANARY)}>{CANARY}</OperatorID><Note>{CANARY}</Note>")  # fmt: skip
    people = f"<Customer><Name>{CANARY}</Name></Customer><LoyaltyAccount>{CANARY}</LoyaltyAccount>"
    lines = [people, item(goods(rest=f"<Description>{CANARY}</Description>")),
             item(goods("", rest=f"<Description>{CANARY}</Description>"), "2"),
             item(f"<Tender><Card>{CANARY}</Card></Tender>", "3")]  # fmt: skip
    events, problems, _ = read(log(transaction(lines, head=head)))
    assert (len(events), len(problems)) == (1, 1)
    assert CANARY not in repr((events, problems))


LAUGHS = "<!ENTITY a 'ha'>" + "".join(
    f"<!ENTITY {after} '{f'&{name};' * 10}'>" for name, after in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f"<!DOCTYPE POSLog [{LAUGHS}]><POSLog>&i;</POSLog>", "DOCTYPE"),
        (f"<!DOCTYPE POSLog [<!ENTITY a '{'x' * 100_000}'>]><POSLog>{'&a;' * 1_000}</POSLog>", "DOCTYPE"),
        ("<!DOCTYPE POSLog [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><POSLog>&x;</POSLog>", "DOCTYPE"),
        ("<!DOCTYPE POSLog SYSTEM 'http://127.0.0.1:9/poslog.dtd'><POSLog/>", "DOCTYPE"),
        ("<POSLog><x:include xmlns:x='http://www.w3.org/2001/XInclude' href='/etc/passwd'/></POSLog>", "XInclude"),
        ("<POSLog>" + "<a>" * 1_000_000, f"deeper than {DEPTH_MAX}"),
        ("<POSLog><Transaction>" + "<a/>" * (ELEMENTS_MAX + 1), "more than"),
        (f"<POSLog><Transaction>{'x' * (CHARS_MAX + 1)}</Transaction></POSLog>", "characters"),
        (f"<POSLog><Transaction a='{'x' * (CHARS_MAX + 1)}'/></POSLog>", "characters|longer than"),
        ("<POSLog " + "a" * (3 * TAG_MAX_BYTES), "longer than"),
        ("<POSLog><!--" + "a" * (3 * TAG_MAX_BYTES), "longer than"),
        ("<html><body>no</body></html>", "holds no POSLog"),
        ("<POSLog><Transaction></POSLog>", "well-formed"),
        ("<POSLog>", "well-formed"), ("", "well-formed"), ("{}", "well-formed"),
        ("<?xml version='1.0' encoding='klingon'?><POSLog/>", "encoding|well-formed"),
        ("<POSLog>\x00</POSLog>", "well-formed"),
    ],
)  # fmt: skip
def test_a_hostile_or_broken_file_is_refused(content, reason):
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(XmlRefused, match=reason):
        list(read_transactions(io.BytesIO(content.encode())))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 200_000


def test_what_stood_before_the_break_is_given_first():
    content = log(transaction([item(goods())]), "<Transaction>")[:-9]
    found = read_transactions(io.BytesIO(content))
    assert next(found).line == 1
    with pytest.raises(XmlRefused, match="well-formed"):
        next(found)


def test_a_transaction_knows_its_line():
    content = b"<POSLog>\n<Transaction/>\n\n<Transaction>\n</Transaction></POSLog>"
    assert [each.line for each in read_transactions(io.BytesIO(content))] == [2, 4]


words = st.one_of(
    st.text(max_size=12), st.sampled_from(["1", "-1", "0.485", "true", GTIN, "EA", "KGM", "2026-03-01T09:15:00"])
)
names = st.sampled_from(
    ["Sale", "Return", "Quantity", "ItemID", "POSIdentity", "POSItemID", "SequenceNumber", "ExtendedAmount", "Tender",
     "ItemLink", "EndDateTime", "BusinessDayDate", "Disposal", "LineItem", "RetailTransaction", "TransactionLink"]
)  # fmt: skip
attributes = st.dictionaries(
    st.sampled_from(["VoidFlag", "ItemType", "Units", "UnitOfMeasureCode", "Type", "TransactionStatus", "CancelFlag"]),
    words, max_size=3,
)  # fmt: skip


def as_xml(name, attrs, inner):
    pairs = "".join(f" {key}={quoteattr(printable(value))}" for key, value in attrs.items())
    return f"<{name}{pairs}>{inner}</{name}>"


def printable(text):
    return "".join(char for char in text if char.isprintable())


elements = st.recursive(
    words.map(lambda text: escape(printable(text))),
    lambda inner: st.builds(as_xml, names, attributes, st.lists(inner, max_size=4).map("".join)),
    max_leaves=20,
)


@given(st.lists(st.builds(as_xml, st.just("LineItem"), attributes, elements), max_size=6), attributes, elements)
def test_every_line_of_any_transaction_is_a_line_a_skip_or_a_problem(lines, retail, head):
    retail_xml = as_xml("RetailTransaction", retail, "".join(lines))
    element = fromstring(f"<Transaction><SequenceNumber>1</SequenceNumber>{head}"
                         f"<EndDateTime>2026-03-01T09:15:00</EndDateTime>{retail_xml}</Transaction>")  # fmt: skip
    found = translate(element, GROCER, SEEN_MS)
    if any("LineItem" not in problem.where for problem in found.problems):
        assert found.events == ()
        return
    published = sum(len(event.lines) for event in found.events)
    accounted = published + len(found.problems) + len(found.skipped)
    assert accounted == max(len(element.findall("RetailTransaction[1]/LineItem")), 1)


@pytest.mark.parametrize("zero", ["0", "0.000", "-0"])
def test_a_line_of_which_nothing_was_sold_is_left_out(zero):
    lines = [item(goods(quantity=f"<Quantity>{zero}</Quantity>")), item(goods(), "2")]
    events, problems, skipped = read(log(transaction(lines)))
    assert ([line.line_id for line in events[0].lines], problems, skipped) == (["2"], [], {"not_moved": 1})


@pytest.mark.parametrize("amount", ["4.00", "-4.00"])
@pytest.mark.parametrize("quantity", ["1", "-1"])
def test_what_was_paid_back_has_no_sign_whatever_the_till_writes(amount, quantity):
    rest = f"<ExtendedAmount>{amount}</ExtendedAmount>"
    returned = goods(quantity=f"<Quantity>{quantity}</Quantity>", kind="Return", rest=rest)
    (line,) = read(log(transaction([item(returned)])))[0][0].lines
    assert (line.kind, line.quantity_milli, line.price_minor) == ("return", 1000, 400)
