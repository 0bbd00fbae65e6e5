-- SPDX-License-Identifier: GPL-2.0
--
-- A dissector for Wireshark that shows the messages of the kernel connector (netlink protocol 11): messages and bundles,
-- requests and events of the notification channel, process events, the kernel's answers. It reads captures of cnctl and of
-- nlmon devices. Documentation/wireshark.rst says how to make a capture, and lists the filters.
--
-- The bytes of a capture may be anything: each read is within the captured bytes, and bytes that do not fit are shown as such.

local cn = Proto("cn", "Connector (Netlink)")

local NETLINK_CONNECTOR = 11
local NETLINK_HEADER, MESSAGE_HEADER, ANSWER = 16, 20, 20
local CONTROL_HEADER, RANGE, EVENT_HEADER = 16, 8, 16
local ALL = 4294967295
-- The default id of the notification channel. The module's parameters cn_idx and cn_val (cn.cn_idx= and cn.cn_val= on the
-- kernel's command line) change it.
cn.prefs.channel = Pref.string("Notification channel (idx:val)", "4294967295:4294967295",
	"The id that the parameters cn_idx and cn_val of the connector give it")
-- The number of messages of a frame that the list of packets names.
local NAMED = 3

local EVENTS = {
	[0] = "ack", [0x1] = "fork", [0x2] = "exec", [0x4] = "uid", [0x40] = "gid", [0x80] = "sid", [0x100] = "ptrace",
	[0x200] = "comm", [0x20000000] = "nonzero-exit", [0x40000000] = "coredump", [0x80000000] = "exit",
}
local OPERATIONS = { [1] = "LISTEN", [2] = "IGNORE" }
local ERRORS = {
	[0] = "OK", [1] = "EPERM", [2] = "ENOENT", [3] = "ESRCH", [4] = "EINTR", [5] = "EIO", [11] = "EAGAIN", [12] = "ENOMEM",
	[13] = "EACCES", [14] = "EFAULT", [16] = "EBUSY", [17] = "EEXIST", [19] = "ENODEV", [22] = "EINVAL", [28] = "ENOSPC",
	[34] = "ERANGE", [74] = "EBADMSG", [75] = "EOVERFLOW", [90] = "EMSGSIZE", [95] = "EOPNOTSUPP", [105] = "ENOBUFS",
	[110] = "ETIMEDOUT",
}
local NLMSG_NOOP, NLMSG_ERROR, NLMSG_OVERRUN = 1, 2, 4
local TYPES = { [1] = "NLMSG_NOOP", [2] = "NLMSG_ERROR", [3] = "NLMSG_DONE", [4] = "NLMSG_OVERRUN" }

local fields = {}

local function field(kind, name, title, ...)
	fields[name] = ProtoField[kind]("cn." .. name, title, ...)
end

field("uint32", "nlmsg.len", "Netlink length", base.DEC)
field("uint16", "nlmsg.type", "Netlink type", base.DEC, TYPES)
field("uint16", "nlmsg.flags", "Netlink flags", base.HEX)
field("uint32", "nlmsg.seq", "Netlink sequence", base.DEC)
field("uint32", "nlmsg.port", "Netlink port", base.DEC)

field("string", "id", "Id")
field("uint32", "idx", "Idx", base.DEC)
field("uint32", "val", "Val", base.DEC)
field("uint32", "seq", "Seq", base.DEC)
field("uint32", "ack", "Ack", base.DEC)
field("uint16", "len", "Length of payload", base.DEC)
field("uint16", "flags", "Flags", base.HEX)
field("bytes", "payload", "Payload")
field("bytes", "padding", "Padding")

field("int32", "error.code", "Answer", base.DEC)
field("string", "error.name", "Name of the error")
field("string", "error.message", "Text")
field("uint32", "error.offset", "Offset of the error", base.DEC)
field("uint32", "error.seq", "To the message with netlink sequence", base.DEC)
field("uint32", "error.idx", "To the message with idx", base.DEC)
field("uint32", "error.val", "To the message with val", base.DEC)

field("uint32", "notify.idx_num", "Ranges for idx", base.DEC)
field("uint32", "notify.val_num", "Ranges for val", base.DEC)
field("uint32", "notify.group", "Group (0: remove)", base.DEC)
field("uint32", "notify.len", "Length of ranges", base.DEC)
field("uint32", "notify.first", "First", base.DEC)
field("uint32", "notify.range", "Range", base.DEC)
field("bool", "notify.snapshot", "Snapshot requested", 16, nil, 1)
field("string", "notify.event", "Event")

field("uint32", "proc.op", "Operation", base.DEC, OPERATIONS)
field("uint32", "proc.filter", "Events requested", base.HEX)
field("uint32", "proc.what", "Event", base.HEX, EVENTS)
field("int32", "proc.cpu", "Processor", base.DEC)
field("uint64", "proc.timestamp", "Nanoseconds since boot", base.DEC)
field("uint32", "proc.err", "Error", base.DEC, ERRORS)
for _, name in ipairs { "pid", "tgid", "parent_pid", "parent_tgid", "child_pid", "child_tgid", "tracer_pid", "tracer_tgid" } do
	field("int32", "proc." .. name, (name:gsub("_", " ")), base.DEC)
end
for _, name in ipairs { "ruid", "euid", "rgid", "egid" } do
	field("uint32", "proc." .. name, name, base.DEC)
end
field("string", "proc.comm", "Name")
field("uint32", "proc.exit_code", "Exit code", base.HEX)
field("uint32", "proc.exit_status", "Status", base.DEC)
field("uint32", "proc.killed_by", "Killed by signal", base.DEC)
field("uint32", "proc.exit_signal", "Signal to the parent", base.DEC)

for _, each in pairs(fields) do
	table.insert(cn.fields, each)
end

local cut = ProtoExpert.new("cn.cut", "The capture ends before the message", expert.group.UNDECODED, expert.severity.WARN)
local malformed = ProtoExpert.new("cn.malformed", "Lengths do not fit", expert.group.MALFORMED, expert.severity.ERROR)
local unknown = ProtoExpert.new("cn.unknown", "Unknown", expert.group.UNDECODED, expert.severity.WARN)
local refused = ProtoExpert.new("cn.refused", "The message was refused", expert.group.RESPONSE_CODE, expert.severity.NOTE)
cn.experts = { cut, malformed, unknown, refused }

-- A part of the frame in the byte order of the host that sent it. `last` is the offset after its last byte.
local View = {}
View.__index = View

function View.new(tvb, first, last, little)
	return setmetatable({ tvb = tvb, first = first, last = last, little = little }, View)
end

function View:len()
	return self.last - self.first
end

-- The bytes from `offset` on: `len` of them, or less if the part is shorter.
function View:part(offset, len)
	local first = math.min(self.first + offset, self.last)
	return View.new(self.tvb, first, math.min(first + (len or self.last), self.last), self.little)
end

function View:range(offset, len)
	return self.tvb:range(self.first + (offset or 0), len or self:len())
end

function View:uint(offset, len)
	local range = self:range(offset, len or 4)
	return self.little and range:le_uint() or range:uint()
end

function View:int(offset)
	local range = self:range(offset, 4)
	return self.little and range:le_int() or range:int()
end

-- Adds a field, if the part has all of its bytes.
function View:add(tree, name, offset, len)
	if self:len() < offset + len then
		return nil
	end
	local range = self:range(offset, len)
	return self.little and tree:add_le(fields[name], range) or tree:add(fields[name], range)
end

-- The text before the first zero.
function View:text(offset, len)
	local range = self:range(offset, len)
	return (range:string(ENC_UTF_8):gsub("\0.*", ""))
end

-- Whether all bytes of the part are zero.
function View:is_zero()
	for offset = 0, self:len() - 1 do
		if self:uint(offset, 1) ~= 0 then
			return false
		end
	end
	return true
end

local function derived(tree, name, value, range)
	local item = range and tree:add(fields[name], range, value) or tree:add(fields[name], value)
	item:set_generated()
	return item
end

local function error_name(number)
	return ERRORS[number] or string.format("error %d", number)
end

-- The requests for notification in this capture, by frame. An event looks like any other message. It is taken for an event if
-- an earlier request matches it.
local requests = {}

function cn.init()
	requests = {}
end

local function in_ranges(number, ranges)
	for _, range in ipairs(ranges) do
		if number >= range.first and number - range.first < range.count then
			return true
		end
	end
	return false
end

local function is_awaited(frame, idx, val)
	for asked, all in pairs(requests) do
		if asked < frame then
			for _, request in ipairs(all) do
				if in_ranges(idx, request.idx) and in_ranges(val, request.val) then
					return true
				end
			end
		end
	end
	return false
end

local function dissect_ranges(body, tree, kind, offset, count)
	local ranges, said = {}, {}
	while #ranges < count and body:len() >= offset + RANGE do
		local first, number = body:uint(offset), body:uint(offset + 4)
		local text
		if number == 0 then
			text = "nothing"
		elseif first + number > ALL then
			text = first == 0 and "all" or string.format("%.0f-", first)
		elseif number == 1 then
			text = string.format("%.0f", first)
		else
			text = string.format("%.0f-%.0f", first, first + number - 1)
		end
		local item = tree:add(cn, body:range(offset, RANGE), kind .. " " .. text)
		body:add(item, "notify.first", offset, 4)
		body:add(item, "notify.range", offset + 4, 4)
		table.insert(ranges, { first = first, count = number })
		table.insert(said, text)
		offset = offset + RANGE
	end
	return ranges, #said > 0 and table.concat(said, ",") or "nothing", offset
end

local function dissect_request(body, tree, message, frame)
	if body:len() < CONTROL_HEADER then
		tree:add_proto_expert_info(malformed, "A request has at least 16 bytes")
		return "request for notification, too short"
	end
	body:add(tree, "notify.idx_num", 0, 4)
	body:add(tree, "notify.val_num", 4, 4)
	body:add(tree, "notify.group", 8, 4)
	body:add(tree, "notify.len", 12, 4)
	local idx_num, val_num, group, len = body:uint(0), body:uint(4), body:uint(8), body:uint(12)
	if (idx_num + val_num) * RANGE ~= len or message.len ~= CONTROL_HEADER + len then
		tree:add_proto_expert_info(malformed, string.format("%.0f ranges have %.0f bytes; the lengths say %.0f, and %d in all",
			idx_num + val_num, (idx_num + val_num) * RANGE, len, message.len))
		return "request for notification, malformed"
	end
	local idx, idx_text, offset = dissect_ranges(body, tree, "idx", CONTROL_HEADER, idx_num)
	local val, val_text = dissect_ranges(body, tree, "val", offset, val_num)
	if group == 0 then
		return string.format("remove notification of %s:%s", idx_text, val_text)
	end
	requests[frame] = requests[frame] or {}
	table.insert(requests[frame], { idx = idx, val = val })
	return string.format("request notification of %s:%s in group %.0f%s", idx_text, val_text, group,
		message.flags % 2 == 1 and ", with a snapshot" or "")
end

local function dissect_event_of_ids(body, tree, message)
	local what = message.ack == 0 and "registered" or "unregistered"
	derived(tree, "notify.event", what, message.view:range(12, 4))
	return string.format("%s %s", message.id, what)
end

local function wanted_events(mask)
	local names = {}
	-- From the lowest bit on. A bit without a name is shown as a number.
	for bit = 0, 31 do
		local value = 2 ^ bit
		if math.floor(mask / value) % 2 == 1 then
			table.insert(names, EVENTS[value] or string.format("0x%08x", value))
		end
	end
	return #names > 0 and table.concat(names, ",") or "nothing"
end

local function dissect_process_request(body, tree)
	local operation = body:uint(0)
	local text = "process events: " .. (OPERATIONS[operation] or string.format("operation %.0f", operation))
	body:add(tree, "proc.op", 0, 4)
	if not OPERATIONS[operation] then
		tree:add_proto_expert_info(unknown, "There is no such operation")
	end
	if body:len() == 8 then
		local names = wanted_events(body:uint(4))
		body:add(tree, "proc.filter", 4, 4):append_text(" (" .. names .. ")")
		text = text .. " " .. names
	end
	return text
end

local function numbers(body, tree, ...)
	for index, name in ipairs { ... } do
		body:add(tree, "proc." .. name, (index - 1) * 4, 4)
	end
end

-- The kinds of process events: the least number of bytes after the header, and the function that shows them and returns a text.
local PROCESS = {
	[0] = { 4, function(body, tree)
		numbers(body, tree, "err")
		local err = body:uint(0)
		return "acknowledged: " .. error_name(err)
	end },
	[0x1] = { 16, function(body, tree)
		numbers(body, tree, "parent_pid", "parent_tgid", "child_pid", "child_tgid")
		return string.format("fork parent %d child %d", body:int(0), body:int(8))
	end },
	[0x2] = { 8, function(body, tree)
		numbers(body, tree, "pid", "tgid")
		return string.format("exec %d", body:int(0))
	end },
	[0x4] = { 16, function(body, tree)
		numbers(body, tree, "pid", "tgid", "ruid", "euid")
		return string.format("uid %d real %.0f effective %.0f", body:int(0), body:uint(8), body:uint(12))
	end },
	[0x40] = { 16, function(body, tree)
		numbers(body, tree, "pid", "tgid", "rgid", "egid")
		return string.format("gid %d real %.0f effective %.0f", body:int(0), body:uint(8), body:uint(12))
	end },
	[0x80] = { 8, function(body, tree)
		numbers(body, tree, "pid", "tgid")
		return string.format("sid %d", body:int(0))
	end },
	[0x100] = { 16, function(body, tree)
		numbers(body, tree, "pid", "tgid", "tracer_pid", "tracer_tgid")
		local tracer = body:int(8)
		return string.format("ptrace %d %s", body:int(0), tracer == 0 and "not traced" or string.format("by %d", tracer))
	end },
	[0x200] = { 24, function(body, tree)
		numbers(body, tree, "pid", "tgid")
		local name = body:text(8, 16)
		tree:add(fields["proc.comm"], body:range(8, 16), name)
		return string.format("comm %d \"%s\"", body:int(0), name)
	end },
	[0x40000000] = { 16, function(body, tree)
		numbers(body, tree, "pid", "tgid", "parent_pid", "parent_tgid")
		return string.format("coredump %d parent %d", body:int(0), body:int(8))
	end },
	[0x80000000] = { 24, function(body, tree)
		numbers(body, tree, "pid", "tgid", "exit_code", "exit_signal", "parent_pid", "parent_tgid")
		-- In the format of wait(2).
		local code = body:uint(8)
		local signal, status = code % 128, math.floor(code / 256) % 256
		if signal ~= 0 then
			derived(tree, "proc.killed_by", signal, body:range(8, 4))
			return string.format("exit %d killed by %d", body:int(0), signal)
		end
		derived(tree, "proc.exit_status", status, body:range(8, 4))
		return string.format("exit %d status %d", body:int(0), status)
	end },
}

local function dissect_process_event(body, tree)
	local what = body:uint(0)
	body:add(tree, "proc.what", 0, 4)
	body:add(tree, "proc.cpu", 4, 4)
	body:add(tree, "proc.timestamp", 8, 8)
	local kind = PROCESS[what]
	if not kind then
		tree:add_proto_expert_info(unknown, "There is no such process event")
		return string.format("process event 0x%08x", what)
	end
	local rest = body:part(EVENT_HEADER)
	if rest:len() < kind[1] then
		tree:add_proto_expert_info(malformed, string.format("This process event has at least %d bytes", EVENT_HEADER + kind[1]))
		return EVENTS[what] .. ", too short"
	end
	return kind[2](rest, tree)
end

local function dissect_process(body, tree, message)
	if message.len == 4 or message.len == 8 then
		return body:len() == message.len and dissect_process_request(body, tree)
	end
	if body:len() < EVENT_HEADER then
		tree:add_proto_expert_info(malformed, "Neither a request nor a process event is that long")
		return nil
	end
	return dissect_process_event(body, tree)
end

-- Shows the payload, if the id says what it is, and returns a text; nothing for other messages.
local function dissect_payload(body, tree, message, frame)
	if message.len == 0 and message.seq == 0 and message.flags == 0 and message.ack <= 1 and
		is_awaited(frame, message.idx, message.val) then
		return dissect_event_of_ids(body, tree, message)
	end
	if message.id == cn.prefs.channel and message.len > 0 then
		message.item:add_le(fields["notify.snapshot"], message.view:range(18, 2), message.flags)
		return dissect_request(body, tree, message, frame)
	end
	if message.idx == 1 and message.val == 1 then
		return dissect_process(body, tree, message)
	end
end

-- Shows one message, whose header is complete. Returns the number of its bytes according to the header.
local function dissect_message(view, tree, state)
	local message = {
		view = view, idx = view:uint(0), val = view:uint(4), seq = view:uint(8), ack = view:uint(12),
		len = view:uint(16, 2), flags = view:uint(18, 2),
	}
	local size = MESSAGE_HEADER + message.len
	local item = tree:add(cn, view:range(0, math.min(size, view:len())))
	local body = view:part(MESSAGE_HEADER, message.len)
	message.id = string.format("%.0f:%.0f", message.idx, message.val)
	message.item = item
	derived(item, "id", message.id, view:range(0, 8))
	view:add(item, "idx", 0, 4)
	view:add(item, "val", 4, 4)
	view:add(item, "seq", 8, 4)
	view:add(item, "ack", 12, 4)
	view:add(item, "len", 16, 2)
	view:add(item, "flags", 18, 2)
	if body:len() > 0 then
		item:add(fields.payload, body:range())
	end
	local text = string.format("%s seq %.0f ack %.0f, %d bytes", message.id, message.seq, message.ack, message.len)
	if body:len() < message.len then
		local note = string.format("%d bytes of %d are left", body:len(), message.len)
		item:add_proto_expert_info(state.is_cut and cut or malformed, note)
		text = text .. ", of which " .. body:len()
	else
		text = dissect_payload(body, item, message, state.frame) or text
	end
	item:set_text("Connector, " .. text)
	table.insert(state.texts, text)
	return size
end

-- Shows the content of a netlink message: one message, or several without gaps between them.
local function dissect_messages(payload, tree, state)
	local offset = 0
	while payload:len() - offset >= MESSAGE_HEADER do
		local rest = payload:part(offset)
		-- Some programs round lengths up, or send a whole buffer.
		if offset > 0 and rest:is_zero() then
			break
		end
		offset = offset + dissect_message(rest, tree, state)
	end
	local rest = payload:part(offset)
	if rest:len() == 0 and offset > 0 then
		return
	end
	if offset > 0 and rest:is_zero() then
		tree:add(fields.padding, rest:range())
		return
	end
	local item = tree:add(cn, rest:range(), string.format("Connector, %d bytes that are not a message", rest:len()))
	item:add_proto_expert_info(state.is_cut and cut or malformed, "A message has at least 20 bytes")
	table.insert(state.texts, string.format("%d bytes that are not a message", rest:len()))
end

-- Shows the attributes of an answer: a text, and the offset of the error in the message.
local function dissect_attributes(view, tree)
	local offset, text = 0, nil
	while view:len() - offset >= 4 do
		local len, kind = view:uint(offset, 2), view:uint(offset + 2, 2) % 16384
		if len < 4 or offset + len > view:len() then
			tree:add_proto_expert_info(malformed, "An attribute is longer than the answer")
			break
		end
		if kind == 1 and len > 4 then
			text = view:text(offset + 4, len - 4)
			tree:add(fields["error.message"], view:range(offset + 4, len - 4), text)
		elseif kind == 2 then
			view:add(tree, "error.offset", offset + 4, 4)
		end
		offset = offset + math.floor((len + 3) / 4) * 4
	end
	return text
end

-- Shows an answer to NLM_F_ACK: an error number, the message or its header, attributes.
local function dissect_answer(payload, tree, state, flags)
	local item = tree:add(cn, payload:range())
	if payload:len() < ANSWER then
		item:set_text("Connector, an answer too short")
		item:add_proto_expert_info(state.is_cut and cut or malformed, "An answer has at least 20 bytes")
		table.insert(state.texts, "answer, too short")
		return
	end
	payload:add(item, "error.code", 0, 4)
	payload:add(item, "error.seq", 12, 4)
	local code, len, seq = payload:int(0), payload:uint(4), payload:uint(12)
	local text = code == 0 and string.format("acknowledged seq %.0f", seq) or
		string.format("refused seq %.0f: %s", seq, error_name(-code))
	derived(item, "error.name", error_name(-code), payload:range(0, 4))
	-- NLM_F_CAPPED: the answer has only the header of the message. An acknowledgement without an error never has more.
	local is_capped = code == 0 or math.floor(flags / 256) % 2 == 1
	local used = is_capped and NETLINK_HEADER or len
	if used < NETLINK_HEADER or 4 + used > payload:len() then
		item:add_proto_expert_info(state.is_cut and cut or malformed, "The answered message is longer than the answer")
	else
		if used >= NETLINK_HEADER + 8 then
			payload:add(item, "error.idx", 4 + NETLINK_HEADER, 4)
			payload:add(item, "error.val", 4 + NETLINK_HEADER + 4, 4)
		end
		-- NLM_F_ACK_TLVS
		if math.floor(flags / 512) % 2 == 1 then
			local reason = dissect_attributes(payload:part(4 + math.floor((used + 3) / 4) * 4), item)
			text = text .. (reason and " (" .. reason .. ")" or "")
		end
	end
	if code ~= 0 then
		item:add_proto_expert_info(refused, text)
	end
	item:set_text("Connector, " .. text)
	table.insert(state.texts, text)
end

-- Splits a frame into netlink messages: a list of views, and the problem of the rest.
local function split(tvb, first, little)
	local views, offset = {}, first
	local captured, reported = tvb:len(), math.max(tvb:reported_len(), tvb:len())
	while reported - offset > 0 do
		if captured - offset < NETLINK_HEADER then
			return views, offset, captured < reported and cut or malformed, "A netlink message has at least 16 bytes"
		end
		local len = View.new(tvb, offset, captured, little):uint(0)
		if len < NETLINK_HEADER then
			return views, offset, malformed, string.format("A netlink message has at least 16 bytes, not %.0f", len)
		end
		table.insert(views, View.new(tvb, offset, math.min(offset + len, captured), little))
		if offset + len > reported then
			return views, offset, malformed, string.format("The netlink message has %.0f bytes by its length, and %d are left",
				len, reported - offset)
		end
		if offset + len > captured then
			return views, offset, cut, string.format("%d bytes of %.0f were captured", captured - offset, len)
		end
		offset = math.min(math.floor((offset + len + 3) / 4) * 4, reported)
	end
	return views
end

local function is_little(tvb, first)
	if tvb:len() < first + 4 then
		return true
	end
	-- In the wrong byte order, the length of any message that fits into a datagram is far too large.
	local range = tvb:range(first, 4)
	return range:le_uint() <= range:uint()
end

local function dissect_netlink_header(view, tree)
	local item = tree:add(cn, view:range(0, NETLINK_HEADER), "Netlink message header")
	view:add(item, "nlmsg.len", 0, 4)
	view:add(item, "nlmsg.type", 4, 2)
	view:add(item, "nlmsg.flags", 6, 2)
	view:add(item, "nlmsg.seq", 8, 4)
	view:add(item, "nlmsg.port", 12, 4)
end

local function say(pinfo, texts)
	local named = {}
	for number = 1, math.min(#texts, NAMED) do
		named[number] = texts[number]
	end
	if #texts > NAMED then
		table.insert(named, string.format("and %d more", #texts - NAMED))
	end
	pinfo.cols.protocol = "Connector"
	pinfo.cols.info = table.concat(named, "; ")
end

-- Wireshark's own dissector of netlink shows the headers. It calls other dissectors for types of 16 or more only, and messages
-- of the connector have the type NLMSG_DONE. So this is a postdissector, for frames of this family.
local family_of_frame = Field.new("netlink.family")

function cn.dissector(tvb, pinfo, tree)
	local family = family_of_frame()
	if not family or family.value ~= NETLINK_CONNECTOR or family.offset + 2 > tvb:len() then
		return
	end
	requests[pinfo.number] = nil
	local first = family.offset + 2
	local views, offset, trouble, reason = split(tvb, first, is_little(tvb, first))
	local state = { frame = pinfo.number, texts = {}, is_cut = trouble == cut }
	local is_aligned = true
	for _, view in ipairs(views) do
		local kind, flags, payload = view:uint(4, 2), view:uint(6, 2), view:part(NETLINK_HEADER)
		-- That dissector does not round up to the next multiple of 4 for the next message.
		if not is_aligned then
			dissect_netlink_header(view, tree)
		end
		is_aligned = is_aligned and view:len() % 4 == 0
		if kind == NLMSG_ERROR then
			dissect_answer(payload, tree, state, flags)
		elseif kind == NLMSG_NOOP or kind == NLMSG_OVERRUN then
			table.insert(state.texts, TYPES[kind])
		else
			dissect_messages(payload, tree, state)
		end
	end
	if trouble then
		offset = math.min(offset, tvb:len() - 1)
		local item = tree:add(cn, tvb:range(offset, tvb:len() - offset), "Connector, bytes that do not fit")
		item:add_proto_expert_info(trouble, reason)
		table.insert(state.texts, trouble == cut and "cut" or "malformed")
	end
	say(pinfo, state.texts)
end

register_postdissector(cn)
