"""What an object's properties hold until somebody changes them. Pure data.

The properties that find an object, or that differ from object to object, are made by ``fake_directory``. What
is here is the same for every object of a kind, so that a tenant of any size costs nothing for it. Names and
first values are those of Microsoft's pages; where those are silent they are assumed.
"""

from bulkps.simulator.cmdlets.cmdlet_result import Value
from bulkps.simulator.tenant.fake_directory import NO_GUID, size_text

_GB = 1024**3
#: The policies that a mailbox has at first.
RETENTION_POLICY = "Default MRM Policy"
_ROLE_POLICY, _SHARING_POLICY = "Default Role Assignment Policy", "Default Sharing Policy"
#: Who manages a group that an administrator created.
GROUP_MANAGERS = "Organization Management"

#: Of every object with an address.
_RECIPIENT: dict[str, Value] = {
    **{f"CustomAttribute{number}": "" for number in range(1, 16)},
    **{f"ExtensionCustomAttribute{number}": [] for number in range(1, 6)},
    "HiddenFromAddressListsEnabled": False,
    "EmailAddressPolicyEnabled": False,
    "MailTip": "",
    "MailTipTranslations": [],
    "SimpleDisplayName": "",
    "AcceptMessagesOnlyFrom": [],
    "AcceptMessagesOnlyFromDLMembers": [],
    "AcceptMessagesOnlyFromSendersOrMembers": [],
    "RejectMessagesFrom": [],
    "RejectMessagesFromDLMembers": [],
    "RejectMessagesFromSendersOrMembers": [],
    "BypassModerationFromSendersOrMembers": [],
    "RequireSenderAuthenticationEnabled": False,
    "GrantSendOnBehalfTo": [],
    "ModeratedBy": [],
    "ModerationEnabled": False,
    "SendModerationNotifications": "Always",
}
MAILBOX: dict[str, Value] = {
    **_RECIPIENT,
    "AccountDisabled": False,
    "AddressBookPolicy": None,
    "ArchiveWarningQuota": size_text(90 * _GB),
    "AuditAdmin": ["Update", "MoveToDeletedItems", "SoftDelete", "HardDelete", "SendAs", "SendOnBehalf"],
    "AuditDelegate": ["Update", "MoveToDeletedItems", "SoftDelete", "HardDelete", "SendAs", "SendOnBehalf"],
    "AuditEnabled": True,
    "AuditLogAgeLimit": "90.00:00:00",
    "AuditOwner": ["Update", "MoveToDeletedItems", "SoftDelete", "HardDelete"],
    "CalendarLoggingQuota": size_text(6 * _GB),
    "CalendarRepairDisabled": False,
    "CalendarVersionStoreDisabled": False,
    "DefaultAuditSet": ["Admin", "Delegate", "Owner"],
    "DefaultPublicFolderMailbox": None,
    "DeliverToMailboxAndForward": False,
    "DisabledArchiveGuid": NO_GUID,
    "ElcProcessingDisabled": False,
    "EndDateForRetentionHold": None,
    "ExternalOofOptions": "External",
    "ForwardingAddress": None,
    "ForwardingSmtpAddress": None,
    "ImmutableId": "",
    "IsExchangeCloudManaged": False,
    "IsResource": False,
    "IsShared": False,
    "JournalArchiveAddress": "",
    "Languages": [],
    "LitigationHoldDate": None,
    "LitigationHoldOwner": "",
    "MailboxRegion": "",
    "MaxReceiveSize": size_text(36 * 1024**2),
    "MaxSendSize": size_text(35 * 1024**2),
    "MessageCopyForSendOnBehalfEnabled": False,
    "MessageCopyForSentAsEnabled": False,
    "MessageCopyForSMTPClientSubmissionEnabled": True,
    "MessageTrackingReadStatusEnabled": True,
    "RecipientLimits": "500",
    "RecoverableItemsQuota": size_text(30 * _GB),
    "RecoverableItemsWarningQuota": size_text(20 * _GB),
    "ResourceCapacity": None,
    "ResourceCustom": [],
    "ResourceType": None,
    "RetentionComment": "",
    "RetentionPolicy": RETENTION_POLICY,
    "RetentionUrl": "",
    "RoleAssignmentPolicy": _ROLE_POLICY,
    "RulesQuota": size_text(256 * 1024),
    "SharingPolicy": _SHARING_POLICY,
    "StartDateForRetentionHold": None,
    "UseDatabaseQuotaDefaults": False,
    "UseDatabaseRetentionDefaults": False,
}
#: What the address lists say of a person.
PERSON: dict[str, Value] = {
    **dict.fromkeys(
        (
            "Initials", "Title", "Department", "Company", "Office", "Phone", "MobilePhone", "HomePhone",
            "Fax", "Pager", "StreetAddress", "City", "StateOrProvince", "PostalCode", "CountryOrRegion",
            "AssistantName", "TelephoneAssistant", "Notes", "WebPage", "PhoneticDisplayName",
            "SimpleDisplayName",
        ),
        "",
    ),
    **{name: [] for name in ("OtherTelephone", "OtherHomePhone", "OtherFax", "PostOfficeBox")},
    "GeoCoordinates": "",
    "Manager": None,
    "SeniorityIndex": None,
}  # fmt: skip
USER: dict[str, Value] = {
    **PERSON,
    "AuthenticationPolicy": "",
    "EXOModuleEnabled": True,
    "RemotePowerShellEnabled": True,
    "VIP": False,
}
MAIL_CONTACT: dict[str, Value] = {
    **_RECIPIENT,
    "MacAttachmentFormat": "BinHex",
    "MessageBodyFormat": "TextAndHtml",
    "MessageFormat": "Mime",
    "UseMapiRichTextFormat": "UseDefaultSettings",
    "UsePreferMessageFormat": False,
}
MAIL_USER: dict[str, Value] = {
    **MAIL_CONTACT,
    "ImmutableId": "",
    "MaxReceiveSize": "Unlimited",
    "MaxSendSize": "Unlimited",
    "RecipientLimits": "Unlimited",
}
DISTRIBUTION_GROUP: dict[str, Value] = {
    **_RECIPIENT,
    "BccBlocked": False,
    "BypassNestedModerationEnabled": False,
    "Description": [],
    "GroupType": "Universal",
    "HiddenGroupMembershipEnabled": False,
    "ManagedBy": [GROUP_MANAGERS],
    "MemberDepartRestriction": "Open",
    "MemberJoinRestriction": "Closed",
    "ReportToManagerEnabled": False,
    "ReportToOriginatorEnabled": True,
    "RequireSenderAuthenticationEnabled": True,
    "SendOofMessageToOriginatorEnabled": False,
}
GROUP: dict[str, Value] = {
    "Description": [],
    "IsHierarchicalGroup": False,
    "ManagedBy": [GROUP_MANAGERS],
    "Notes": "",
    "PhoneticDisplayName": "",
    "SeniorityIndex": None,
    "SimpleDisplayName": "",
}
CAS_MAILBOX: dict[str, Value] = {
    **dict.fromkeys(
        (
            "ActiveSyncEnabled", "ECPEnabled", "EwsEnabled", "ImapEnabled", "ImapUseProtocolDefaults",
            "MacOutlookEnabled", "MAPIEnabled", "OneWinNativeOutlookEnabled", "OutlookMobileEnabled",
            "OWAEnabled", "OWAforDevicesEnabled", "PopEnabled", "PopUseProtocolDefaults",
            "UniversalOutlookEnabled",
        ),
        True,
    ),
    **dict.fromkeys(
        (
            "ActiveSyncDebugLogging", "ActiveSyncSuppressReadReceipt", "HasActiveSyncDevicePartnership",
            "ImapForceICalForCalendarRetrievalOption", "ImapSuppressReadReceipt",
            "IsOptimizedForAccessibility", "PopForceICalForCalendarRetrievalOption",
            "PopSuppressReadReceipt", "PublicFolderClientAccess", "ShowGalAsDefaultView",
        ),
        False,
    ),
    "ActiveSyncAllowedDeviceIDs": [],
    "ActiveSyncBlockedDeviceIDs": [],
    "ActiveSyncMailboxPolicy": "Default",
    "EwsAllowEntourage": None,
    "EwsAllowList": [],
    "EwsAllowMacOutlook": None,
    "EwsAllowOutlook": None,
    "EwsApplicationAccessPolicy": None,
    "EwsBlockList": [],
    "ImapMessagesRetrievalMimeFormat": "BestBodyFormat",
    "MapiHttpEnabled": None,
    "OwaMailboxPolicy": "OwaMailboxPolicy-Default",
    "PopMessagesRetrievalMimeFormat": "BestBodyFormat",
    "SmtpClientAuthenticationDisabled": None,
}  # fmt: skip
AUTO_REPLY: dict[str, Value] = {
    "AutoDeclineFutureRequestsWhenOOF": False,
    "AutoReplyState": "Disabled",
    "CreateOOFEvent": False,
    "DeclineAllEventsForScheduledOOF": False,
    "DeclineEventsForScheduledOOF": False,
    "DeclineMeetingMessage": "",
    # Exchange shows the day after the reading; here nothing may depend on when it is read.
    "EndTime": None,
    "EventsToDeleteIDs": [],
    "ExternalAudience": "All",
    "ExternalMessage": "",
    "InternalMessage": "",
    "OOFEventSubject": "",
    "StartTime": None,
}
CALENDAR_PROCESSING: dict[str, Value] = {
    "AddAdditionalResponse": False,
    "AdditionalResponse": "",
    "AddNewRequestsTentatively": True,
    "AddOrganizerToSubject": True,
    "AllBookInPolicy": True,
    "AllowConflicts": False,
    "AllowRecurringMeetings": True,
    "AllRequestInPolicy": False,
    "AllRequestOutOfPolicy": False,
    "AutomateProcessing": "AutoUpdate",
    "BookingType": "Standard",
    "BookingWindowInDays": 180,
    "BookInPolicy": [],
    "ConflictPercentageAllowed": 0,
    "DeleteAttachments": True,
    "DeleteComments": True,
    "DeleteNonCalendarItems": True,
    "DeleteSubject": True,
    "EnableAutoRelease": False,
    "EnableResponseDetails": True,
    "EnforceCapacity": False,
    "EnforceSchedulingHorizon": True,
    "ForwardRequestsToDelegates": True,
    "MaximumConflictInstances": 0,
    "MaximumDurationInMinutes": 1440,
    "MinimumDurationInMinutes": 0,
    "OrganizerInfo": True,
    "PostReservationMaxClaimTimeInMinutes": 10,
    "ProcessExternalMeetingMessages": False,
    "RemoveCanceledMeetings": False,
    "RemoveForwardedMeetingNotifications": False,
    "RemoveOldMeetingMessages": True,
    "RemovePrivateProperty": True,
    "RequestInPolicy": [],
    "RequestOutOfPolicy": [],
    "ResourceDelegates": [],
    "ScheduleOnlyDuringWorkHours": False,
    "TentativePendingApproval": True,
}
#: What a room or equipment mailbox has instead.
RESOURCE_PROCESSING: dict[str, Value] = {**CALENDAR_PROCESSING, "AutomateProcessing": "AutoAccept"}
#: The retention policies of the organization, with their tags.
RETENTION_POLICIES: dict[str, tuple[str, ...]] = {
    RETENTION_POLICY: ("Default 2 year move to archive", "Junk Email", "Deleted Items"),
    "Executives": ("Never Delete", "Junk Email"),
    "Leavers 7 Years": ("7 Year Delete",),
}
