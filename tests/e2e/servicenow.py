"""The scripts of docs/sources/servicenow.md as they stand there, in an engine of ES5, with as much
of ServiceNow around them as they ask for.

Source: ServiceNow's API reference. A field of a GlideRecord is a GlideElement, which is no string
but becomes one, dates in UTC as "yyyy-MM-dd HH:mm:ss"; `GlideCertificateEncryption.generateMac`
takes a base64 key and gives base64; `GlideDateTime.getNumericValue` is in milliseconds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import dukpy

from demo import servicenow
from demo.stage import ACCOUNT
from tests.unit.samples import ROOT

PAGE = (ROOT / "docs/sources/servicenow.md").read_text(encoding="utf-8")
INCLUDE, APPROVAL, END, VOTE, AGAIN = re.findall(r"```javascript\n(.*?)```", PAGE, re.DOTALL)
TABLES = ("sc_req_item", "sysapproval_approver", "sc_item_option_mtom", "sys_audit")
INSTANCE = """
var sent = [], errors = [];
var Class = {create: function () {
    return function () { this.initialize.apply(this, arguments); };
}};
var gs = {
    getProperty: function (name, otherwise) {
        return dukpy.properties.hasOwnProperty(name) ? dukpy.properties[name] : otherwise;
    },
    generateGUID: function () { return dukpy.guid; },
    error: function (text) { errors.push(text); }
};
function GlideDateTime() {}
GlideDateTime.prototype.getValue = function () { return dukpy.now; };
GlideDateTime.prototype.getNumericValue = function () { return dukpy.millis; };
function GlideCertificateEncryption() {}
GlideCertificateEncryption.prototype.generateMac = function (key, algorithm, text) {
    return call_python('mac', key, algorithm, text);
};
var sn_ws = {RESTMessageV2: function () { this.request = {headers: {}}; }};
sn_ws.RESTMessageV2.prototype = {
    setEndpoint: function (url) { this.request.url = url; },
    setHttpMethod: function (method) { this.request.method = method; },
    setRequestHeader: function (name, value) { this.request.headers[name] = value; },
    setRequestBody: function (body) { this.request.body = body; },
    execute: function () {
        if (!dukpy.status) throw new Error('Connection refused');
        sent.push(this.request);
        return {getStatusCode: function () { return dukpy.status; },
                getBody: function () { return dukpy.body; }};
    }
};
// A field: of a reference, those of the record that it names are seen through it.
function Element(value) {
    var record = value !== null && typeof value === 'object';
    if (record) for (var name in value) this[name] = new Element(value[name]);
    this.toString = function () { return record ? value.sys_id : value; };
}
function GlideRecord(table) {
    if (!dukpy.tables[table]) throw new Error('no table ' + table);
    this.found = dukpy.tables[table].slice();
    this.at = 0;
}
GlideRecord.prototype = {
    show: function (row) {
        for (var name in row) this[name] = new Element(row[name]);
        return this;
    },
    addQuery: function (field, operator, value) {
        var wanted = arguments.length === 2 ? [operator] : value.split(',');
        if (arguments.length > 2 && operator !== 'IN') throw new Error('no operator ' + operator);
        this.found = this.found.filter(function (row) {
            if (!row.hasOwnProperty(field)) throw new Error('no field ' + field);
            return wanted.indexOf(String(new Element(row[field]))) >= 0;
        });
    },
    query: function () { this.asked = true; },
    next: function () {
        if (!this.asked || this.at === this.found.length) return false;
        this.show(this.found[this.at++]);
        return true;
    },
    get: function (field, value) {
        this.addQuery(arguments.length === 1 ? 'sys_id' : field, value || field);
        this.query();
        return this.next();
    }
};
var current = dukpy.current && new GlideRecord(dukpy.table).show(dukpy.current);
var previous = dukpy.previous && new GlideRecord(dukpy.table).show(dukpy.previous);
"""


@dataclass
class Instance:
    """What stands in ServiceNow about one item, and where its scripts send to. By default carol
    and dave have approved an item of alice's, whose variables are older."""

    address: str
    secret: str
    item: dict[str, Any]
    approvals: list[dict[str, Any]]
    edited: tuple[timedelta, ...] = (timedelta(hours=2), timedelta(days=1))  # each variable, ago
    history: tuple[tuple[str, timedelta], ...] = ()  # which field of the item was changed, ago
    status: int = 202
    body: str = "{}"
    states: str = ""  # the property of the states of what is withdrawn, if it is set

    @classmethod
    def of(cls, address: str, secret: str, application: str) -> Instance:
        number = f"RITM{application}"
        return cls(address, secret, servicenow.item(number, application),
                   [servicenow.approval(number, name) for name in servicenow.VOTED])  # fmt: skip

    def approved(self, script: str = APPROVAL, **before: Any) -> dict[str, Any]:
        """What the rule sends as the item gets to be approved, and what it logs."""
        return self.runs(script, self.item, self.item | ({"approval": "requested"} | before))

    def changed(self, **after: Any) -> dict[str, Any]:
        """The same of the rule for the end, as the approved item is changed."""
        before, self.item = self.item, self.item | after
        return self.runs(END, self.item, before)

    def voted(self, name: str, state: str) -> dict[str, Any]:
        """The same of the rule for votes, as somebody changes theirs."""
        (row,) = [one for one in self.approvals if one["approver"]["user_name"] == name]
        after = row | {"state": state, "sys_updated_on": servicenow.stamp(timedelta())}
        self.approvals = [one for one in self.approvals if one is not row] + [after]
        return self.runs(VOTE, after, row, "sysapproval_approver")

    def again(self) -> dict[str, Any]:
        """The same as an administrator sends it by hand."""
        script = AGAIN.replace("RITM0010001", self.item["number"])
        return self.runs(script, self.item, self.item)

    def runs(
        self, script: str, current: dict[str, Any], previous: dict[str, Any],
        table: str = "sc_req_item",
    ) -> dict[str, Any]:  # fmt: skip
        """`sent`: the requests (url, method, headers, body); `errors`: lines of the system log."""
        engine, now = dukpy.JSInterpreter(), datetime.now(UTC)
        engine.export_function("mac", mac)
        found = engine.evaljs(
            [INSTANCE, INCLUDE, script, "({sent: sent, errors: errors})"],
            now=f"{now:%Y-%m-%d %H:%M:%S}", millis=now.timestamp() * 1000,
            guid=f"{now.timestamp():.6f}".replace(".", ""), status=self.status, body=self.body,
            tables=self.tables(), table=table, current=current, previous=previous,
            properties=self.properties(),
        )  # fmt: skip
        return dict(found)

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Those that the scripts read, each with a row that is about something else."""
        id, other = self.item["sys_id"], servicenow.item("RITM0", "other")
        written = [{"request_item": {"sys_id": whose},
                    "sc_item_option": {"sys_id": "x", "sys_updated_on": servicenow.stamp(ago)}}
                   for whose, ago in ((other["sys_id"], timedelta()),
                                      *((id, ago) for ago in self.edited))]  # fmt: skip
        votes = [servicenow.approval("RITM0", "erin"), *self.approvals]
        history = [(other["sys_id"], "requested_for", timedelta()),
                   *((id, *change) for change in self.history)]  # fmt: skip
        changes = [{"documentkey": whose, "fieldname": field,
                    "sys_created_on": servicenow.stamp(ago)} for whose, field, ago in history]
        return dict(zip(TABLES, ([other, self.item], votes, written, changes), strict=True))

    def properties(self) -> dict[str, str]:
        return {"akwarden.signing_key": self.secret.removeprefix("whsec_"),
                "akwarden.address": self.address, "akwarden.account_id": ACCOUNT,
                "akwarden.catalog_item": servicenow.CATALOG_ITEM,
                "glide.servlet.uri": servicenow.URL,
                **({"akwarden.withdrawn_states": self.states} if self.states else {})}  # fmt: skip


def mac(key: str, algorithm: str, text: str) -> str:
    assert "HmacSHA256" == algorithm
    assert text.isascii()
    return base64.b64encode(
        hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()
