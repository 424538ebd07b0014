-- Who started, stopped or resized the node in the last 30 days, by which execution, and with what outcome (EC2-002).
-- `useridentity.arn` is the function's role for /resize, the operator's for a runbook. Saved in Athena as resize-audit.
SELECT
  eventtime,
  useridentity.arn AS who,
  sourceipaddress AS source,
  eventname AS action,
  json_extract_scalar(requestparameters, '$.documentName') AS document,
  json_extract_scalar(requestparameters, '$.instanceType.value') AS instance_type,
  json_extract_scalar(responseelements, '$.automationExecutionId') AS operation_id,
  coalesce(errorcode, 'ok') AS outcome,
  errormessage
FROM tinyllama_audit.cloudtrail
WHERE day >= date_format(current_date - interval '30' day, '%Y/%m/%d')
  AND (
    (eventsource = 'ssm.amazonaws.com' AND eventname = 'StartAutomationExecution')
    OR (eventsource = 'ec2.amazonaws.com' AND eventname IN ('StartInstances', 'StopInstances', 'ModifyInstanceAttribute'))
  )
ORDER BY eventtime DESC
LIMIT 200;
